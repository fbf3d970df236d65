"""Publishing copies what can be rendered again, and nothing damaged."""

import dataclasses
import types
from pathlib import Path

import numpy as np
import pytest
from tests import fake_captions, fakes

from partial_backprop import record
from partial_backprop.data.captioned import load_captioned
from partial_backprop.errors import UserError
from partial_backprop.measurements import caption_examples
from partial_backprop.run_config import DataConfig

ROOT = Path(__file__).parents[2]


@pytest.fixture
def publish(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import publish

    return publish.publish


@pytest.fixture
def pictures(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import pictures

    return pictures


@pytest.fixture
def results(tmp_path):
    fakes.inputs(tmp_path)
    (runs,) = tmp_path.rglob("runs")
    folder = next(runs.rglob("record.json")).parent
    (folder / "weights.pt").write_bytes(b"large")
    (folder / "captions.json").write_text("not a record")
    return runs.parent


def test_records_histories_and_gradients_are_copied_and_weights_are_not(publish, results, tmp_path):
    publish(results, tmp_path / "published")
    names = {path.name for path in (tmp_path / "published").rglob("*.*")}
    assert names == {"record.json", "history.csv", "gradients.json"}
    for path in (tmp_path / "published").rglob("*.json"):
        original = results / path.relative_to(tmp_path / "published")
        assert path.read_bytes() == original.read_bytes()


def test_what_is_printed_beside_a_record_goes_along(publish, results, tmp_path):
    folder = next((results / "runs").rglob("record.json")).parent
    (folder / "movement.csv.gz").write_bytes(b"bins")
    publish(results, tmp_path / "published")
    copy = tmp_path / "published" / folder.relative_to(results) / "movement.csv.gz"
    assert copy.read_bytes() == b"bins"


@pytest.mark.parametrize("data", ["flickr8k", "captioned_scenes"])
def test_photographs_are_not_passed_on(publish, pictures, tmp_path, monkeypatch, data):
    """Number, checksum, words and attention are; a user's own copy brings the pictures back."""
    dataset = {"name": "captioned_scenes", "n_train": 5, "n_test": 12}
    folder = tmp_path / "results/runs/captioning/pb/seed0"
    run = next(run for run in fake_captions.inputs().runs if run.record.arm == "pb")
    role = {"role": "flickr8k", "n_validation": 5}
    spec = run.record.config.model_copy(
        update={"data": DataConfig(dataset=dataset | {"name": data}, **role)}
    )
    made = run.record.model_copy(update={"config": spec, "config_sha256": spec.sha256()})
    record.write(made, folder / "record.json")
    test = load_captioned(DataConfig(dataset=dataset, **role), tmp_path, 0).test
    shown = [
        dataclasses.replace(one, image=test.images[one.index].transpose(1, 2, 0))
        for one in fake_captions.examples()
    ]
    caption_examples.save(shown, folder / caption_examples.NAME)
    publish(tmp_path / "results", tmp_path / "published")
    copy = tmp_path / "published/runs/captioning/pb/seed0" / caption_examples.NAME
    found = caption_examples.read(copy)
    assert [one.words for one in found] == [one.words for one in shown]
    if data == "captioned_scenes":
        assert all(one.image is not None for one in found)
        return
    assert all(one.image is None for one in found)
    with np.load(copy) as arrays:
        assert all(array.dtype != np.uint8 or not array.size for array in arrays.values())
    # The user's own copy is these scenes, under the name of the photographs.
    monkeypatch.setattr(pictures, "load_captioned", lambda *_: types.SimpleNamespace(test=test))
    pictures.fetch(tmp_path, tmp_path / "published")
    for one, original in zip(caption_examples.read(copy), shown, strict=True):
        assert np.array_equal(one.image, original.image)
    copy.with_name(caption_examples.PICTURES).unlink()
    other = dataclasses.replace(test, images=test.images[::-1])
    monkeypatch.setattr(pictures, "load_captioned", lambda *_: types.SimpleNamespace(test=other))
    with pytest.raises(UserError, match="is not the one"):
        pictures.fetch(tmp_path, tmp_path / "published")


def test_a_damaged_record_is_not_published(publish, results, tmp_path):
    path = next((results / "runs").rglob("record.json"))
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(UserError, match="damaged"):
        publish(results, tmp_path / "published")


def test_no_photograph_is_committed():
    paths = list((ROOT / "results/published").rglob(caption_examples.NAME))
    assert paths
    for path in paths:
        with np.load(path) as arrays:
            assert not arrays["images"].size
