"""Configuration files that are asked for again: checked once, yet never stale."""

import pytest

from partial_backprop.errors import UserError
from partial_backprop.files import read_checked, read_yaml
from partial_backprop.run_config import StrictModel


class Model(StrictModel):
    """A schema."""

    a: int


def test_what_is_read_is_the_readers_own(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("a: {b: [1]}", encoding="utf-8")
    read_yaml(path)["a"]["b"].append(2)
    assert read_yaml(path) == {"a": {"b": [1]}}


def test_a_file_is_checked_once_for_each_content(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("a: 1", encoding="utf-8")
    first = read_checked(Model, path)
    assert first == Model(a=1)
    assert read_checked(Model, path) is first
    path.write_text("a: 2", encoding="utf-8")  # of equal length, and maybe within the clock's tick
    assert read_checked(Model, path) == Model(a=2)


def test_an_error_is_told_each_time_and_with_the_right_file(tmp_path):
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    for path in (one, other, one):
        path.write_text("b: 1", encoding="utf-8")
        with pytest.raises(UserError, match=path.name):
            read_checked(Model, path)
    one.write_bytes(b"\xff")
    with pytest.raises(UserError, match=r"one\.yaml.*valid"):
        read_checked(Model, one)
