"""Files of safetensors, put together here by hand as its format says."""

import contextlib
import json
import struct

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from partial_backprop.errors import UserError
from partial_backprop.storage import state_dict
from partial_backprop.storage.convert import expand, shrink


def laid_out(header, payload=b""):
    told = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(told)) + told + payload


STATE = {
    "w": torch.tensor([[0.0, -0.0, 1.5]]),
    "half": torch.tensor([1.0, 2.0], dtype=torch.bfloat16),
    "n": torch.tensor(7),
    "none": torch.empty(0, 3),
    "kept": torch.tensor([True, False]),
}
DTYPES = {"w": "F32", "half": "BF16", "n": "I64", "none": "F32", "kept": "BOOL"}


def file():
    header, payload = {"__metadata__": {"format": "pt"}}, b""
    for name, tensor in STATE.items():
        content = bytes(tensor.contiguous().reshape(-1).view(torch.uint8).tolist())
        offsets = [len(payload), len(payload) + len(content)]
        header[name] = {
            "dtype": DTYPES[name], "shape": list(tensor.shape), "data_offsets": offsets
        }  # fmt: skip
        payload += content
    return laid_out(header, payload)


@pytest.mark.parametrize("name", ["w.safetensors", "w.bin"])
def test_tensors_are_read_and_shrunk(tmp_path, name):
    (tmp_path / name).write_bytes(file())
    shrink(tmp_path / name, tmp_path / "w.sparse")
    expand(tmp_path / "w.sparse", tmp_path / "w.pt")
    for found in (state_dict.read(tmp_path / name), torch.load(tmp_path / "w.pt")):
        assert list(found) == list(STATE)
        for key, tensor in STATE.items():
            assert found[key].dtype == tensor.dtype
            assert torch.equal(found[key], tensor)


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        laid_out(b"{"),
        laid_out(b"\xff"),
        laid_out([1]),
        laid_out({"w": 3}),
        laid_out({"w": ENTRY}, bytes(7)),
        laid_out({"w": ENTRY}, bytes(9)),
        laid_out({"w": ENTRY, "v": ENTRY}, bytes(8)),
        laid_out({"w": ENTRY | {"shape": [3]}}, bytes(8)),
        laid_out({"w": ENTRY | {"shape": [-1, -2]}}, bytes(8)),
        laid_out({"w": ENTRY | {"shape": ["a"]}}, bytes(8)),
        laid_out({"w": ENTRY | {"dtype": "F4"}}, bytes(8)),
        laid_out({"w": ENTRY | {"data_offsets": [-8, 0]}}, bytes(8)),
        laid_out({"w": ENTRY | {"data_offsets": [8]}}, bytes(8)),
        laid_out({"w": {"dtype": "F32"}}, bytes(8)),
        laid_out(b"[" * 100_000),
        struct.pack("<Q", 2**63) + b"{}",
    ],
)
def test_damaged_files_are_told_in_one_line(tmp_path, content):
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"w.safetensors holds no weights"):
        shrink(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@given(st.integers(0, len(file()) - 1), st.integers(0, 255))
def test_any_change_is_read_or_told(tmp_path_factory, position, value):
    path = tmp_path_factory.mktemp("changed") / "w.safetensors"
    content = bytearray(file())
    content[position] = value
    path.write_bytes(content)
    with contextlib.suppress(UserError):
        state_dict.read(path)


@pytest.mark.parametrize("length", [0, 1, 8, 20, 200])
def test_files_of_torch_that_are_damaged(tmp_path, length):
    torch.save(STATE, tmp_path / "w.pt")
    (tmp_path / "w.pt").write_bytes((tmp_path / "w.pt").read_bytes()[:length])
    with pytest.raises(UserError, match="holds no weights"):
        state_dict.read(tmp_path / "w.pt")
