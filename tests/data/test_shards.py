"""Shards are taken whole and once, wherever they lie."""

import pytest
from tests.data import layouts

from partial_backprop.data import cifar10_parquet, flickr8k
from partial_backprop.data.shards import find
from partial_backprop.errors import UserError


def _names(folder, names):
    for name in names:
        (folder / f"{name}.parquet").touch()
    return [path.stem for path in find(folder, "train")]


@pytest.mark.parametrize(
    "names",
    [
        ["train-00000-of-00001"],
        ["train-00000-of-00002", "train-00001-of-00002"],
        ["train-00000-of-00002-ffa1b2c3d4e5f607", "train-00001-of-00002-0a1b2c3d4e5f6071"],
        ["train-first", "train-second"],
    ],
)
def test_whole_sets(tmp_path, names):
    assert _names(tmp_path, [*names, "training-00000-of-00005", "test-00000-of-00001"]) == names


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["train-00000-of-00003", "train-00001-of-00003"], "number 2"),
        (["train-00000-of-00003-a1b2", "train-00001-of-00003-b1b2"], "number 2"),
        (["train-00001-of-00002", "train-00002-of-00002"], "number 0"),
        (["train-00000-of-00001", "train-00001-of-00001"], "number 1"),
        (["train-00000-of-00002", "train-00000-of-00002 (1)"], r"\(1\)"),
        (["train-00000-of-00002 (1)", "train-00001-of-00002"], r"\(1\)"),
        (["train-00000-of-00001", "train-00000-of-00001 copy"], "copy"),
        (["train-00000-of-00002", "train-00002-of-00003"], "train-00000-of-00002"),
        (["train-00000-of-00001-aa", "train-00000-of-00001-bb"], "-bb"),
        (["train-00000-of-00001", "train-00000-of-00001-bb"], "-bb"),
        (["train-00000-of-00001", "train-extra-00000-of-00001"], "extra"),
        (["train-00000-of-00001", "train-other"], "other"),
    ],
)
def test_sets_that_are_incomplete_or_doubled(tmp_path, names, told):
    with pytest.raises(UserError, match=told):
        _names(tmp_path, names)


def test_shards_are_found_by_their_columns(tmp_path, capsys):
    layouts.write_shards(tmp_path / "cifar10" / "plain_text")
    layouts.write_captioned_shards(tmp_path / "pictures" / "data")
    assert len(cifar10_parquet.load(tmp_path).train) == 20
    assert "plain_text" in capsys.readouterr().err
    assert len(cifar10_parquet.load(tmp_path, folder="cifar10").train) == 20
    assert len(flickr8k.load(tmp_path).train) == layouts.CAPTIONED_PARTS["train"]


def test_a_folder_that_is_there_is_not_left_for_another(tmp_path):
    layouts.write_shards(tmp_path / "cifar10")
    (tmp_path / "cifar10-jpeg").mkdir()
    with pytest.raises(UserError, match="cifar10-jpeg"):
        cifar10_parquet.load(tmp_path)


def test_two_copies_are_not_chosen_between(tmp_path):
    for name in ("one", "two"):
        layouts.write_shards(tmp_path / name / "plain_text")
    with pytest.raises(UserError, match="one/plain_text"):
        cifar10_parquet.load(tmp_path)
