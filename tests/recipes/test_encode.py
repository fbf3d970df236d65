"""An encoder's features: computed, left, read, and of one image again."""

import shutil

import numpy as np
import pytest
import torch
import yaml

from partial_backprop import config, record
from partial_backprop.captioning import encoder, features
from partial_backprop.data.captioned import load_captioned
from partial_backprop.errors import UserError
from partial_backprop.experiments.captioning import run_encode as encode
from partial_backprop.networks import scene_cnn
from partial_backprop.recipes import pretrain
from partial_backprop.recipes.job import Job

CPU = torch.device("cpu")
SIZES = {"train": 7, "validation": 5, "test": 4}
DATA = {"name": "captioned_scenes", "n_train": 7, "n_test": 4}
SCALE = {
    "title": "a test",
    "seeds": [0],
    "roles": {
        "flickr8k": {"dataset": DATA, "n_validation": 5},
        "cifar10": {"dataset": {"name": "scenes", "n_train": 40, "n_test": 10}, "n_validation": 10},
    },
    "experiments": {"encoder_pretraining": {}, "caption_features": {}},
}
NETWORK = {"name": "scene_cnn", "width": 0.25}
PRETRAINING = {
    "title": "a test",
    "data": {"role": "cifar10"},
    "network": NETWORK,
    "recipe": {"name": "pretrain"},
    "training": {"epochs": 1, "batch_size": 10, "shared_epochs": 0, "milestones": []},
    "arms": {"float": {}},
}
START = "encoder_pretraining/float"


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Weights of the pretrained encoder."""
    out = tmp_path_factory.mktemp("start")
    pretrain.run(resolved(out, "encoder_pretraining", "float"), Job(out, out, CPU))
    return out / "weights.pt"


def resolved(folder, experiment="caption_features", arm="encoder", **changes):
    """Configuration of a run, from a configuration folder that is made below `folder`."""
    encoding = {
        "title": "a test",
        "data": {"role": "flickr8k"},
        "network": NETWORK,
        "recipe": {"name": "encode", "batch_size": 3},
        "arms": {"encoder": {}},
    }
    files = {
        "scales/s": SCALE,
        "experiments/encoder_pretraining": PRETRAINING,
        "experiments/caption_features": config.merge(encoding, changes),
    }
    for name, content in files.items():
        path = folder / "config" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content))
    return config.resolve("s", experiment, arm, 0, folder / "config")


def run(out, start=None, **changes):
    found = resolved(out, **changes)
    options = {key: value for key, value in found.recipe.items() if key != "name"}
    encode.run(found, Job(out, out, CPU, start=start), **options)
    return found


@pytest.fixture(scope="module")
def encoded(start, tmp_path_factory):
    """Folder of a run that starts from the pretrained encoder."""
    out = tmp_path_factory.mktemp("encoded")
    run(out, start, recipe={"start": START})
    return out


@pytest.fixture
def splits(encoded, tmp_path):
    return load_captioned(resolved(tmp_path).data, tmp_path, seed=0)


def test_features_are_the_networks_last_map(encoded, start, splits):
    """Computed again in double precision, image by image."""
    model = scene_cnn.build((3, 64, 64), 10, width=0.25).double().eval()
    model.load_state_dict(torch.load(start, weights_only=True))
    found = features.read(encoded)
    mean, std = (np.array(value).reshape(3, 1, 1) for value in (splits.mean, splits.std))
    for part, n in SIZES.items():
        array = getattr(found, part)
        assert (array.shape, array.dtype) == ((n, 64, 24), np.float16)
        for image, row in zip(getattr(splits, part).images, array, strict=True):
            with torch.no_grad():
                expected = model.features(torch.from_numpy((image / 255 - mean) / std)[None])[0]
            grid = row.reshape(8, 8, 24)
            np.testing.assert_allclose(
                grid.transpose(2, 0, 1), expected.numpy(), rtol=2e-3, atol=2e-4
            )
    assert found.train.std() > 0.03


def test_what_is_left(encoded, start, splits):
    found = features.read(encoded, splits.facts)
    assert isinstance(found.train, np.memmap)
    assert found.data == splits.facts
    report = found.report
    assert (report.encoder, report.weights, report.grid) == ("scene_cnn", START, (8, 8))
    assert report.n_channels == 24
    assert (report.mean, report.std) == (splits.mean, splits.std)
    made = record.read(encoded / "record.json")
    assert made.network.name == "scene_cnn"
    assert not made.network.full_size
    assert made.selections == ()
    assert made.provenance.wall_s > 0
    names = {path.name for path in encoded.iterdir() if path.is_file()}
    assert names == {"record.json", "encoder.pt", *(f"features_{part}.npy" for part in SIZES)}


def test_encoder_is_loaded_for_further_images(encoded, splits):
    """Of an image it has seen it computes what lies on disk."""
    eyes, report, side = encoder.load(encoded, CPU)
    assert side == 64
    found = eyes.features(splits.test.images[:])
    assert found.shape == (4, report.grid[0] * report.grid[1], report.n_channels)
    on_disk = np.array(features.read(encoded).test, dtype=np.float32)
    torch.testing.assert_close(found, torch.from_numpy(on_disk), rtol=2e-3, atol=2e-3)


def test_the_same_again(encoded, start, tmp_path):
    run(tmp_path, start, recipe={"start": START})
    for part in SIZES:
        name = f"features_{part}.npy"
        assert (tmp_path / name).read_bytes() == (encoded / name).read_bytes()
    first, second = (record.read(folder / "record.json") for folder in (encoded, tmp_path))
    assert first.reproducible() == second.reproducible()


def test_a_checkpoint_of_the_users(encoded, start, tmp_path):
    path = tmp_path / "mine.pt"
    shutil.copy(start, path)
    run(tmp_path, recipe={"checkpoint": str(path)})
    assert features.read(tmp_path).report.weights == "mine.pt"
    assert np.array_equal(features.read(tmp_path).test, features.read(encoded).test)


def test_public_weights_bring_their_normalisation(tmp_path):
    run(tmp_path, network={"name": "efficientnet_lite0"}, recipe={"batch_size": 7})
    found = features.read(tmp_path)
    assert found.report.weights == "efficientnet-lite0-57934424.pth"
    assert (found.report.mean, found.report.std) == ((127 / 255,) * 3, (128 / 255,) * 3)
    assert found.train.shape == (7, 4, 320)
    eyes, _, _ = encoder.load(tmp_path, CPU)
    images = np.full((1, 3, 64, 64), 127, dtype=np.uint8)  # grey: 0 after normalisation
    with torch.no_grad():
        expected = eyes.model.features(torch.zeros(1, 3, 64, 64))
    torch.testing.assert_close(eyes.feature_map(images), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "scene_cnn.*public"),
        ({"recipe": {"start": START}}, f"it starts from {START}: give its weights with --start"),
        ({"recipe": {"start": START, "checkpoint": "x"}}, "checkpoint"),
        ({"recipe": {"checkpoint": "/nowhere/x.pt"}}, "/nowhere/x.pt"),
        ({"recipe": {"batch_size": 0}}, "batch_size.*threads"),
        ({"network": None}, "encoder"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, changes, message):
    with pytest.raises(UserError, match=message) as caught:
        run(tmp_path, **changes)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "record.json").exists()


def test_weights_of_another_network(start, tmp_path):
    with pytest.raises(UserError, match="scene_cnn") as caught:
        run(tmp_path, start, recipe={"start": START}, network={"width": 0.5})
    assert str(start) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_network_without_a_feature_map(tmp_path):
    from partial_backprop.networks import resnet20

    path = tmp_path / "weights.pt"
    torch.save(resnet20.build((3, 64, 64), 10).state_dict(), path)
    with pytest.raises(UserError, match="attend"):
        run(tmp_path, network={"name": "resnet20"}, recipe={"checkpoint": str(path)})


@pytest.mark.parametrize("damage", ["missing", "truncated", "shape", "dtype", "no record"])
def test_damaged_features_are_told(encoded, tmp_path, damage):
    folder = tmp_path / "copy"
    shutil.copytree(encoded, folder)
    path = folder / "features_test.npy"
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:-10])
    elif damage == "shape":
        np.save(path, np.zeros((4, 64, 23), dtype=np.float16))
    elif damage == "dtype":
        np.save(path, np.zeros((4, 64, 24), dtype=np.float32))
    else:
        (folder / "record.json").unlink()
    with pytest.raises(UserError) as caught:
        features.read(folder)
    assert "again" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_features_of_other_data(encoded, splits):
    other = splits.facts.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(UserError, match="are of other data"):
        features.read(encoded, other)


def test_a_run_that_left_no_features(start):
    with pytest.raises(UserError, match="tells nothing of features"):
        features.read(start.parent)


def test_killed_and_resumed(encoded, start, tmp_path, monkeypatch):
    """The second attempt computes only what the first did not."""

    class Killed(Exception):
        pass

    seen = []
    compute = encoder.Encoder.features

    def counted(self, images):
        seen.append(len(images))
        if len(seen) == 3:
            raise Killed
        return compute(self, images)

    monkeypatch.setattr(encoder.Encoder, "features", counted)
    found = resolved(tmp_path, recipe={"start": START})
    options = {key: value for key, value in found.recipe.items() if key != "name"}
    job = Job(
        tmp_path, tmp_path, CPU, start=start, checkpoints=tmp_path / "c", checkpoint_every_s=0.0
    )
    with pytest.raises(Killed):
        encode.run(found, job, **options)
    assert not (tmp_path / "features_train.npy").exists()
    encode.run(found, job, **options)
    assert seen[3:] == [1, 3, 2, 3, 1]
    assert not list((tmp_path / "c").iterdir())
    for part in SIZES:
        name = f"features_{part}.npy"
        assert (tmp_path / name).read_bytes() == (encoded / name).read_bytes()
