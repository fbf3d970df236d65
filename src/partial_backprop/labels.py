"""Names for people: how networks, data sets, arms and selection rules are called in print."""

CNNS = {
    "vgg19_cifar10": "VGG19",
    "resnet110_cifar10": "ResNet-110",
    "densenet121_cifar10": "DenseNet-121",
    "lenet5_mnist": "LeNet-5",
}
"""Experiments of seed 001, section 4.1, in the order of its Table 1 -> name of the network."""

ARMS = {
    "fb": "FB",
    "pb": "PB",
    "pb_gradient": "PB, gradients only",
    "pb_otsu": "PB, Otsu",
    "pb_random": "PB, random mask",
    "pb_remask35": "PB, new masks",
    "pb_final_fb": "PB, FB at the end",
}
"""Arms in the order in which they are printed."""

RULES = {
    "paper_protocol": "best on test",
    "best_on_validation": "best on validation",
    "last": "last epoch",
}
"""Selection rule of a record -> which epoch it takes; the first is the protocol of seed 001's listing."""

DATA = {
    "cifar10": "CIFAR-10",
    "digits": "digits",
    "fashion_mnist": "Fashion-MNIST",
    "mnist": "MNIST",
    "scenes": "scenes",
}
"""Name of a data set in a record -> its name in print; any other is printed as it is."""


def data(name: str) -> str:
    """Return the printed name of a data set.

    Parameters
    ----------
    name : str
        Name in a record.

    Returns
    -------
    str
        The name of the data set that ran, never of the one it stands for.
    """
    return DATA.get(name, name)


def arm(name: str) -> str:
    """Return the printed name of an arm.

    Parameters
    ----------
    name : str
        Name in a record.

    Returns
    -------
    str
        Its printed name; an arm that has none is printed as it is.
    """
    return ARMS.get(name, name)
