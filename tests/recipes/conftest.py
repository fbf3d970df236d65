"""Small experiments on embedded data, in a configuration folder of their own."""

from pathlib import Path

import pytest
import yaml
from tests.runs import Lab, write_config

from partial_backprop import config

SCALE = {
    "title": "a test",
    "seeds": [0],
    "roles": {
        "mnist": {"dataset": {"name": "digits"}, "n_validation": 60},
        "cifar10": {
            "dataset": {"name": "scenes", "n_train": 250, "n_test": 60},
            "n_validation": 50,
        },
    },
}
EXPERIMENTS = {
    name: content
    for name, content in yaml.safe_load(
        Path(__file__).with_name("experiments.yaml").read_text()
    ).items()
    if not name.startswith("_")
}


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """The experiments of ``experiments.yaml``."""
    scale = SCALE | {"experiments": {name: {} for name in EXPERIMENTS}}
    folder = write_config(tmp_path_factory.mktemp("config"), scale, EXPERIMENTS)
    return Lab(folder, tmp_path_factory.mktemp)


@pytest.fixture(scope="session")
def folder(lab):
    return lab.folder


@pytest.fixture(scope="session")
def resolved(lab):
    """Function from an arm of the classifier to its configuration."""
    return lambda arm, seed=0: lab.resolved("one", arm, seed)


@pytest.fixture(scope="session")
def trunk(lab):
    """Checkpoint of the classifier's shared epochs."""
    return lab.finished("one", config.TRUNK) / "trunk.pt"
