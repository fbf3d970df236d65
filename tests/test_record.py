"""Records are written whole, checked when read, and hold counts."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partial_backprop import files, record
from partial_backprop.correct_images import CorrectImages
from partial_backprop.errors import UserError
from partial_backprop.run_config import RunConfig


@pytest.fixture
def one():
    config = RunConfig(scale="s", experiment="e", arm="a", seed=0)
    provenance = record.Provenance(
        version="0", code_sha256="0", packages={}, python="3", device="d", platform="p",
        threads=1, wall_s=1.0, peak_memory_bytes=1,
    )  # fmt: skip
    return record.Record(
        experiment="e", arm="a", seed=0, scale="s", config=config,
        config_sha256=config.sha256(), provenance=provenance,
    )  # fmt: skip


def test_a_record_comes_back_as_it_was(one, tmp_path):
    record.write(one, tmp_path / "deep" / "record.json")
    assert record.read(tmp_path / "deep" / "record.json") == one
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["record.json"]


def test_the_reproducible_part_leaves_provenance_out(one):
    later = one.model_copy(update={"provenance": one.provenance.model_copy(update={"wall_s": 9.0})})
    assert later != one
    assert later.reproducible() == one.reproducible()


def test_a_record_of_another_configuration_is_refused(one, tmp_path):
    path = tmp_path / "record.json"
    record.write(one, path)
    content = json.loads(path.read_text())
    content["config"]["seed"] = 1
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match="config_sha256"):
        record.read(path)


@given(data=st.data())
def test_a_truncated_record_is_told_in_one_line(one_bytes, data, tmp_path_factory):
    path = tmp_path_factory.mktemp("records") / "record.json"
    # The closing brace and the newline after it are the last two bytes.
    path.write_bytes(one_bytes[: data.draw(st.integers(0, len(one_bytes) - 2))])
    with pytest.raises(UserError, match="damaged") as caught:
        record.read(path)
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def one_bytes(tmp_path_factory):
    config = RunConfig(scale="s", experiment="e", arm="a", seed=0)
    provenance = record.Provenance(
        version="0", code_sha256="0", packages={}, python="3", device="d", platform="p",
        threads=1, wall_s=1.0, peak_memory_bytes=1,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("whole") / "record.json"
    record.write(
        record.Record(
            experiment="e", arm="a", seed=0, scale="s", config=config,
            config_sha256=config.sha256(), provenance=provenance,
        ),
        path,
    )  # fmt: skip
    return path.read_bytes()


def test_a_missing_record_is_told(tmp_path):
    with pytest.raises(UserError, match="cannot read the record"):
        record.read(tmp_path / "record.json")


def test_more_correct_than_examples_is_refused():
    with pytest.raises(ValueError, match="exceeds"):
        record.Count(n_correct=2, n_examples=1)


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "file"
    files.write_atomically(path, b"old")

    def full(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        files.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


PUBLISHED = sorted((Path(__file__).parents[1] / "results/published").rglob("record.json"))


def correct_images():
    return CorrectImages.of(bytes([0b10100000, 0b10000000]), n_examples=9)


def test_bits_of_correct_images_come_back():
    found = correct_images()
    assert found.packed() == bytes([0b10100000, 0b10000000])
    assert found.n_correct() == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sha256": "0" * 64}, "checksum"),
        ({"bits": "no bits"}, "unpacked"),
        ({"bits": "bm8gYml0cw=="}, "unpacked"),
        ({"n_examples": 17}, "17 examples"),
    ],
)
def test_damaged_bits_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        CorrectImages.model_validate(correct_images().model_dump() | change)


def test_bits_that_disagree_with_the_count_are_refused():
    count = {"n_correct": 4, "n_examples": 9}
    with pytest.raises(ValueError, match="as many"):
        record.Selection(
            rule="last", epoch=0, validation=None, test=count, test_correct=correct_images()
        )


def test_every_published_record_is_read_in_its_own_version():
    versions = {json.loads(path.read_bytes())["schema_version"] for path in PUBLISHED}
    assert 1 in versions
    for path in PUBLISHED:
        assert record.read(path).config_sha256 == json.loads(path.read_bytes())["config_sha256"]


def test_the_former_name_of_a_rule_is_read_as_todays():
    counts = {"validation": None, "test": {"n_correct": 1, "n_examples": 2}}
    read = record.Selection.model_validate({"rule": "paper_protocol", "epoch": 0, **counts})
    assert read.rule == "best_on_test"
