"""Names for people: how experiments, arms, networks, data sets and selection rules are called in print.

Those of experiments, arms and networks stand in ``about.yaml`` of the experiments' folders.
"""

from partial_backprop import folders

RULES = {
    "best_on_test": "best on test",
    "best_on_validation": "best on validation",
    "last": "last epoch",
}
"""Selection rule of a record -> which epoch it takes; the first is the protocol of pb2020's listing."""

DATA = {
    "captioned_scenes": "captioned scenes",
    "cifar10": "CIFAR-10",
    "cifar10-jpeg": "CIFAR-10 (JPEG)",
    "digits": "digits",
    "fashion_mnist": "Fashion-MNIST",
    "flickr8k": "Flickr8k",
    "flickr8k-224px": "Flickr8k at 224×224 pixels",
    "mnist": "MNIST",
    "scenes": "scenes",
}
"""Name of a data set in a record -> its name in print; any other is printed as it is."""


def data(name: str) -> str:
    """Return the printed name of a data set."""
    return DATA.get(name, name)


def arms() -> dict[str, str]:
    """Return the printed names of arms; the first folder that names an arm counts."""
    return folders.names("arms")


def arm(name: str) -> str:
    """Return the printed name of an arm."""
    return arms().get(name, name.replace("_", " "))


def experiments() -> dict[str, str]:
    """Return the printed names of experiments, in the order of the paper."""
    return folders.names("experiments")


def experiment(name: str) -> str:
    """Return the printed name of an experiment."""
    return experiments().get(name, name)


def network(name: str) -> str:
    """Return the printed name of a network; any that has none is printed as it is."""
    return folders.names("networks").get(name, name)
