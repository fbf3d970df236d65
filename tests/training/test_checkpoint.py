"""Checkpoints hold tensors and plain values, and a damaged one is told."""

import pickle

import pytest
import torch

from partial_backprop.errors import UserError
from partial_backprop.training import checkpoint


def test_round_trip(tmp_path):
    content = {"tensor": torch.arange(3), "rows": [{"epoch": 0, "loss": 0.5}], "none": None}
    checkpoint.save(content, tmp_path / "a.pt")
    found = checkpoint.load(tmp_path / "a.pt")
    assert torch.equal(found.pop("tensor"), content.pop("tensor"))
    assert found == content


@pytest.mark.parametrize("kept", [0, 10, 200])
def test_a_truncated_file_is_told(tmp_path, kept):
    path = tmp_path / "a.pt"
    checkpoint.save({"tensor": torch.arange(100)}, path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"a\.pt.*delete it") as caught:
        checkpoint.load(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        checkpoint.load(tmp_path / "a.pt")


class Bomb:
    def __reduce__(self):
        return (exec, ("raise SystemExit('executed')",))


def test_nothing_is_executed(tmp_path):
    torch.save({"bomb": Bomb()}, tmp_path / "torch.pt")
    (tmp_path / "pickle.pt").write_bytes(pickle.dumps(Bomb()))
    for name in ("torch.pt", "pickle.pt"):
        with pytest.raises(UserError, match="cannot load"):
            checkpoint.load(tmp_path / name)


def test_anything_but_a_mapping_is_told(tmp_path):
    torch.save([1, 2], tmp_path / "a.pt")
    with pytest.raises(UserError, match="holds a list"):
        checkpoint.load(tmp_path / "a.pt")
