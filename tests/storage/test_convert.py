"""From a torch file to a sparse one and back, by function and by command."""

import pytest
import torch

from partial_backprop import cli
from partial_backprop.errors import UserError
from partial_backprop.storage import sparse_file
from partial_backprop.storage.convert import expand, shrink


@pytest.fixture
def weights(tmp_path):
    """File with a tensor of which four fifths are zero, of either sign, and a count."""
    torch.manual_seed(0)
    state = {"w": torch.randn(100, 100) * (torch.rand(100, 100) > 0.8), "n": torch.tensor(7)}
    torch.save(state, tmp_path / "w.pt")
    return tmp_path / "w.pt"


def test_there_and_back(weights, tmp_path):
    before, after = shrink(weights, tmp_path / "w.sparse")
    assert before == weights.stat().st_size
    assert after == (tmp_path / "w.sparse").stat().st_size < 0.3 * before
    assert expand(tmp_path / "w.sparse", tmp_path / "again.pt")[0] == after
    one, other = (torch.load(path, weights_only=True) for path in (weights, tmp_path / "again.pt"))
    assert list(one) == list(other)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert one["n"].dtype == other["n"].dtype


def test_the_commands_say_both_sizes_and_what_is_zero(weights, tmp_path, capsys):
    sparse, again = tmp_path / "w.sparse", tmp_path / "again.pt"
    assert cli.main(["shrink", str(weights)]) == 0
    sizes = [path.stat().st_size for path in (weights, sparse)]
    n_zeros = int((torch.load(weights, weights_only=True)["w"] == 0).sum())
    numbers = [
        f"{sizes[0]:,}",
        f"{sizes[1]:,}",
        f"{sizes[0] / sizes[1]:.2f}",
        f"{n_zeros:,} of 10,001",
    ]
    shown = capsys.readouterr().out
    assert all(number in shown for number in numbers)
    assert "Freezing" not in shown
    assert cli.main(["expand", str(sparse), "--out", str(again)]) == 0
    assert f"{again}: {again.stat().st_size:,} bytes" in capsys.readouterr().out
    assert torch.load(again, weights_only=True)["n"] == 7


def test_weights_without_zeros_are_said_not_to_shrink(tmp_path, capsys):
    torch.save({"w": torch.ones(100)}, tmp_path / "w.pt")
    assert cli.main(["shrink", str(tmp_path / "w.pt")]) == 0
    assert "Freezing" in capsys.readouterr().out


def test_a_file_that_is_there_is_overwritten_only_by_name(weights, tmp_path, capsys):
    (tmp_path / "w.sparse").write_bytes(b"another")
    assert cli.main(["shrink", str(weights)]) == 2
    assert "--out" in capsys.readouterr().err
    assert (tmp_path / "w.sparse").read_bytes() == b"another"
    assert cli.main(["shrink", str(weights), "--out", str(tmp_path / "w.sparse")]) == 0


def test_a_command_tells_what_is_wrong_in_one_line(weights, tmp_path, capsys):
    assert cli.main(["expand", str(weights), "--out", str(tmp_path / "x")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    assert "is no sparse weights file" in told
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"nothing", "safely"),
        ([torch.ones(2)], "state_dict"),
        ({"epoch": 3}, "'epoch'.*tensor"),
        ({"w": torch.ones(2, dtype=torch.complex64)}, "stored"),
    ],
)
def test_what_cannot_be_shrunk(tmp_path, content, message):
    path = tmp_path / "w.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(UserError, match=message):
        shrink(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_missing(tmp_path):
    with pytest.raises(UserError, match="weights"):
        shrink(tmp_path / "absent.pt", tmp_path / "out")


def test_a_file_of_dense_weights_is_not_called_smaller(tmp_path, capsys):
    torch.save({"w": torch.ones(20_000)}, tmp_path / "w.pt")
    cli.main(["shrink", str(tmp_path / "w.pt"), "--out", str(tmp_path / "w.sparse")])
    assert "1.0" in capsys.readouterr().out
    assert torch.equal(sparse_file.read(tmp_path / "w.sparse")["w"], torch.ones(20_000))
