"""A small experiment on embedded data, in a configuration folder of its own."""

import pytest
import torch
import yaml

from partial_backprop import config
from partial_backprop.recipes.job import Job

SCALE = {
    "title": "a test",
    "seeds": [0],
    "roles": {"mnist": {"dataset": {"name": "digits"}, "n_validation": 60}},
    "defaults": {"training": {"epochs": 5, "batch_size": 100, "milestones": [4]}},
    "experiments": {"one": {}},
}
FIXED = {"name": "fixed", "threshold": 1.0}
EXPERIMENT = {
    "title": "One",
    "data": {"role": "mnist"},
    "network": {"name": "lenet5", "width": 0.5},
    "arms": {
        "fb": {},
        "pb": {"freezing": {"criterion": FIXED}},
        "pb_gradient": {"freezing": {"mode": "gradient", "criterion": FIXED}},
        "pb_otsu": {"freezing": {"criterion": {"name": "otsu_kde"}}},
        "pb_filters": {"freezing": {"criterion": {"name": "filters", "like": FIXED}}},
        "pb_random": {"freezing": {"criterion": {"name": "random", "like": FIXED}}},
        "fb_in_one_go": {"training": {"shared_epochs": 0}},
        "fb_bf16": {"training": {"shared_epochs": 0, "precision": "bf16"}},
        "fb_on_all": {"data": {"n_validation": 0}, "training": {"shared_epochs": 0}},
        "too_fast": {"training": {"optimizer": {"name": "sgd", "learning_rate": 1e30}}},
    },
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Configuration folder with the experiment ``one`` at the scale ``s``."""
    path = tmp_path_factory.mktemp("config")
    for name, content in (("scales/s", SCALE), ("experiments/one", EXPERIMENT)):
        (path / f"{name}.yaml").parent.mkdir(exist_ok=True)
        (path / f"{name}.yaml").write_text(yaml.safe_dump(content))
    (path / "config.yaml").write_text("scale: s\n")
    return path


@pytest.fixture(scope="session")
def resolved(folder):
    """Function from an arm to its configuration."""
    return lambda arm, seed=0: config.resolve("s", "one", arm, seed, folder)


@pytest.fixture(scope="session")
def trunk(resolved, tmp_path_factory):
    """Checkpoint of the shared epochs."""
    from partial_backprop.recipes import classify

    out = tmp_path_factory.mktemp("trunk")
    classify.run(resolved(config.TRUNK), Job(out, out, torch.device("cpu")))
    return out / "trunk.pt"
