"""Small experiments on embedded data, in a configuration folder of their own."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from tests.runs import Lab, write_config

from partial_backprop import config, record
from partial_backprop.captioning import features
from partial_backprop.data.captioned import load_captioned
from partial_backprop.recipes.provenance import provenance

GRID = (2, 2)

SCALE = {
    "title": "a test",
    "seeds": [0],
    "roles": {
        "mnist": {"dataset": {"name": "digits"}, "n_validation": 60},
        "flickr8k": {
            "dataset": {"name": "captioned_scenes", "n_train": 160, "n_test": 30},
            "n_validation": 24,
        },
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
def folder(tmp_path_factory):
    """Configuration folder of the experiments."""
    scale = SCALE | {"experiments": {name: {} for name in EXPERIMENTS}}
    return write_config(tmp_path_factory.mktemp("config"), scale, EXPERIMENTS)


@pytest.fixture(scope="session")
def encoded(folder, tmp_path_factory):
    """Folder of features: brightness and contrast of each colour in each quarter of an image."""
    path = tmp_path_factory.mktemp("features")
    settled = config.resolve("s", "captioning", "fb", 0, folder)
    splits = load_captioned(settled.data, path, 0)
    for part in features.PARTS:
        images = getattr(splits, part).images.astype(np.float32) / 255
        quarters = images.reshape(len(images), 3, GRID[0], 32, GRID[1], 32)
        values = np.concatenate([quarters.mean(axis=(3, 5)), quarters.std(axis=(3, 5))], axis=1)
        values = np.moveaxis(values.reshape(len(images), 6, -1), 1, 2)
        values = (values - values.mean(axis=(0, 1))) / values.std(axis=(0, 1))
        np.save(features.path_of(path, part), values.astype(np.float16))
    report = features.FeatureReport(
        encoder="colours",
        weights="none",
        weights_sha256="0" * 64,
        mean=(0.0,) * 3,
        std=(1.0,) * 3,
        grid=GRID,
        n_channels=6,
    )
    made = record.Record(
        experiment=settled.experiment,
        arm=settled.arm,
        seed=0,
        scale=settled.scale,
        config=settled,
        config_sha256=settled.sha256(),
        data=splits.facts,
        measurements={features.KEY: report.model_dump(mode="json")},
        provenance=provenance(settled, None, 0.0),
    )
    record.write(made, path / "record.json")
    return path


@pytest.fixture(scope="session")
def lab(folder, encoded, tmp_path_factory):
    """The experiments of ``experiments.yaml``."""
    return Lab(folder, tmp_path_factory.mktemp, encoded)


@pytest.fixture(scope="session")
def resolved(lab):
    """Function from an arm of the classifier to its configuration."""
    return lambda arm, seed=0: lab.resolved("one", arm, seed)


@pytest.fixture(scope="session")
def trunk(lab):
    """Checkpoint of the classifier's shared epochs."""
    return lab.finished("one", config.TRUNK) / "trunk.pt"
