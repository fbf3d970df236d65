"""A picture from a file gets the caption that the run gave it, and what is wrong is told in a line."""

import json
import shutil

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from partial_backprop import cli, config
from partial_backprop.captioning.apply import caption
from partial_backprop.data.captioned import load_captioned
from partial_backprop.errors import UserError
from partial_backprop.experiments.captioning import run_caption as recipe
from partial_backprop.experiments.captioning import run_encode as encode
from partial_backprop.measurements import caption_examples
from partial_backprop.networks import scene_cnn
from partial_backprop.recipes.job import Job

CPU = torch.device("cpu")
OPTIMIZER = {"name": "adam", "learning_rate": 0.02}
CAPTIONING = {
    "title": "Captions",
    "data": {"role": "flickr8k"},
    "recipe": {
        "name": "caption", "hidden": 24, "attention": 8, "embedding": 12, "min_count": 2,
        "max_words": 12,
    },
    "training": {
        "epochs": 6, "shared_epochs": 0, "batch_size": 40, "milestones": [], "optimizer": OPTIMIZER,
    },
    "arms": {"fb": {}},
}  # fmt: skip
ENCODING = {
    "title": "Encoder",
    "data": {"role": "flickr8k"},
    "network": {"name": "scene_cnn", "width": 0.25},
    "arms": {"encoder": {}},
}
DATA = {"name": "captioned_scenes", "n_train": 160, "n_test": 12}
SCALE = {
    "title": "a test",
    "seeds": [0],
    "roles": {"flickr8k": {"dataset": DATA, "n_validation": 12}},
    "experiments": {"caption_features": {}, "captioning": {}},
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Folder of runs: an encoder without training, and a decoder with a little."""
    root = tmp_path_factory.mktemp("runs")
    torch.manual_seed(0)
    weights = root / "weights.pt"
    network = scene_cnn.build((3, 64, 64), 10, width=0.25)
    for parameter in network.parameters():
        if parameter.dim() == 4:  # larger, so that its features tell one image from another
            parameter.data *= 2
    torch.save(network.state_dict(), weights)
    encoding = ENCODING | {"recipe": {"name": "encode", "checkpoint": str(weights)}}
    files = {
        "scales/s": SCALE,
        "experiments/caption_features": encoding,
        "experiments/captioning": CAPTIONING,
    }
    for name, content in files.items():
        path = root / "config" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content))
    features = root / "caption_features" / "encoder" / "seed0"
    for made, experiment, arm in (
        (encode, "caption_features", "encoder"),
        (recipe, "captioning", "fb"),
    ):
        run = config.resolve("s", experiment, arm, 0, root / "config")
        options = {key: value for key, value in run.recipe.items() if key != "name"}
        out = root / experiment / arm / "seed0"
        made.run(run, Job(out, root, CPU, features=features), **options)
    return root


@pytest.fixture(scope="module")
def arm(runs):
    """Folder of the decoder's run."""
    return runs / "captioning" / "fb" / "seed0"


@pytest.fixture(scope="module")
def pictures(runs, tmp_path_factory):
    """The test images as files."""
    folder = tmp_path_factory.mktemp("pictures")
    run = config.resolve("s", "captioning", "fb", 0, runs / "config")
    images = load_captioned(run.data, runs, 0).test.images[:]
    paths = [folder / f"{number}.png" for number in range(len(images))]
    for image, path in zip(images, paths, strict=True):
        Image.fromarray(image.transpose(1, 2, 0)).save(path)
    return paths


def test_test_images_get_the_captions_of_the_run(arm, pictures):
    said = json.loads((arm / "captions.json").read_text())["beam"]
    found = [list(caption(picture, arm, CPU).words) for picture in pictures]
    assert found == said
    assert len(set(map(tuple, said))) > 2  # else any caption would do


def test_the_attention_is_that_of_the_run(arm, pictures):
    for example in caption_examples.read(arm / caption_examples.NAME):
        found = caption(pictures[example.index], arm, CPU)
        np.testing.assert_array_equal(found.image, example.image)
        np.testing.assert_allclose(found.attention, example.attention, atol=1e-5)
        np.testing.assert_allclose(found.attention.sum(axis=(1, 2)), 1, rtol=1e-5)


def test_a_picture_of_any_size_and_kind_is_captioned(arm, tmp_path):
    path = tmp_path / "grey.gif"
    Image.fromarray(np.full((30, 200), 128, dtype=np.uint8)).save(path)
    assert caption(path, arm, CPU).image.shape == (64, 64, 3)


def test_the_command_prints_the_caption_and_draws(arm, pictures, tmp_path, capsys):
    out = tmp_path / "new" / "attention.png"
    assert cli.main(["caption", str(pictures[0]), "--run", str(arm), "--out", str(out)]) == 0
    printed = capsys.readouterr()
    said = json.loads((arm / "captions.json").read_text())["beam"][0]
    assert printed.out == " ".join(said) + "\n"
    assert str(out) in printed.err
    assert "drawn scenes" in printed.err
    with Image.open(out) as picture:
        assert picture.width > 1000


def test_the_encoder_may_lie_elsewhere(arm, runs, pictures, tmp_path):
    moved = shutil.copytree(arm, tmp_path / "arm")
    with pytest.raises(UserError, match="--features"):
        caption(pictures[0], moved, CPU)
    features = runs / "caption_features" / "encoder" / "seed0"
    assert caption(pictures[0], moved, CPU, features).words == caption(pictures[0], arm, CPU).words


def test_what_is_no_picture_is_told(arm, tmp_path, capsys):
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    deep, gone = tmp_path / "deep.png", tmp_path / "gone.jpg"
    Image.fromarray(np.full((30, 20), 4095, dtype=np.uint16)).save(deep)
    told = {text: "is no image", gone: "cannot read the image", deep: "8 bits"}
    for path, said in told.items():
        assert cli.main(["caption", str(path), "--run", str(arm)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line
        assert str(path) in line


def test_what_is_no_captioning_run_is_told(runs, pictures, tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        caption(pictures[0], tmp_path, CPU)
    with pytest.raises(UserError, match=r"caption_features.*nothing"):
        caption(pictures[0], runs / "caption_features" / "encoder" / "seed0", CPU)


def test_a_kind_that_cannot_be_written_is_told_before_anything_is_computed(arm, capsys):
    assert cli.main(["caption", "gone.jpg", "--run", str(arm), "--out", "a.txt"]) == 2
    assert "let its name end in .png" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content"),
    [("vocabulary.json", b"{"), ("vocabulary.json", b"[1]"), ("weights.pt", b"")],
)
def test_a_damaged_run_is_told(arm, runs, pictures, tmp_path, name, content):
    moved = shutil.copytree(arm, tmp_path / "arm")
    (moved / name).write_bytes(content)
    with pytest.raises(UserError, match=name) as caught:
        caption(pictures[0], moved, CPU, runs / "caption_features" / "encoder" / "seed0")
    assert "\n" not in str(caught.value)


def test_weights_of_another_decoder_are_told(arm, runs, pictures, tmp_path):
    moved = shutil.copytree(arm, tmp_path / "arm")
    words = json.loads((moved / "vocabulary.json").read_text())
    (moved / "vocabulary.json").write_text(json.dumps([*words, "more"]))
    with pytest.raises(UserError, match="of another decoder"):
        caption(pictures[0], moved, CPU, runs / "caption_features" / "encoder" / "seed0")
