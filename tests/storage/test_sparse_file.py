"""Files of sparse weights: small, the same when read again, and whatever is wrong with one is told."""

import json
import struct
import zlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from partial_backprop.errors import UserError
from partial_backprop.storage import sparse_file
from partial_backprop.storage.measure import as_torch_file


def network(seed=0, share=0.8):
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 10)
    )
    model(torch.randn(4, 3, 8, 8))  # moves the running statistics
    with torch.no_grad():
        for layer in (model[0], model[4]):
            layer.weight[torch.rand_like(layer.weight) < share] = 0
    return model.eval()


def test_a_loaded_network_computes_the_same_bits(tmp_path):
    model, other, images = network(0), network(1), torch.randn(50, 3, 8, 8)
    sparse_file.write(model.state_dict(), tmp_path / "w")
    other.load_state_dict(sparse_file.read(tmp_path / "w"))
    assert torch.equal(model(images), other(images))


def test_zeros_cost_a_bit_and_the_rest_what_it_is():
    state = network().state_dict()
    size = len(sparse_file.to_bytes(state))
    expected = 0
    for tensor in state.values():
        width = tensor.element_size()
        n, n_nonzero = tensor.numel(), int((tensor != 0).sum())
        expected += min(n * width, -(-n // 8) + n_nonzero * width)
    # The rest is the header, some 80 bytes a tensor.
    assert expected < size < expected + 24 + 100 * len(state)
    assert size < 0.4 * 4 * sum(tensor.numel() for tensor in state.values())


def test_the_header_can_be_read_by_other_programs():
    """Parsed here by hand, as the module's table says."""
    content = sparse_file.to_bytes({"größe.weight": torch.tensor([[0.0, 2.0]])})
    assert content[:8] == b"PBSPARSE"
    version, checksum, length = struct.unpack("<IIQ", content[8:24])
    assert version == 1
    assert checksum == zlib.crc32(content[16:])
    (entry,) = json.loads(content[24 : 24 + length])
    assert entry == {
        "name": "größe.weight",
        "dtype": "float32",
        "shape": [1, 2],
        "layout": "bitmap",
        "n_values": 1,
    }
    assert content[24 + length :] == bytes([0b10]) + struct.pack("<f", 2.0)


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), max_size=8),
        st.lists(st.sampled_from([0.0, 0.0, 0.0, 1.0, -2.5]), max_size=30),
        max_size=5,
    )
)
def test_names_order_and_values_come_back(content):
    state = {name: torch.tensor(values) for name, values in content.items()}
    found = sparse_file.from_bytes(sparse_file.to_bytes(state), "w")
    assert list(found) == list(state)
    assert all(torch.equal(found[name], state[name]) for name in state)


def test_tied_weights_are_stored_once_and_tied_again():
    torch.manual_seed(0)
    embedding, head = nn.Embedding(50, 8), nn.Linear(8, 50)
    alone = len(sparse_file.to_bytes({"e": embedding.weight}))
    head.weight = embedding.weight
    state = nn.ModuleList([embedding, head]).state_dict()
    content = sparse_file.to_bytes(state)
    assert len(content) < alone + 50 * 4 + 300
    found = sparse_file.from_bytes(content, "w")
    assert list(found) == list(state)
    assert all(torch.equal(found[name], state[name]) for name in state)
    assert found["0.weight"].data_ptr() == found["1.weight"].data_ptr()
    assert len(as_torch_file(found)) < 1.1 * len(as_torch_file(state))


def test_views_of_one_tensor_are_not_tied():
    whole = torch.arange(6.0)
    state = {"whole": whole, "half": whole[:3], "matrix": whole.view(2, 3), "empty": whole[:0]}
    state |= {"turned": whole.view(2, 3).T, "bits": whole.view(torch.int32), "none": whole[6:]}
    found = sparse_file.from_bytes(sparse_file.to_bytes(state), "w")
    assert all(torch.equal(found[name], state[name]) for name in state)
    assert all(found[name].dtype == state[name].dtype for name in state)


def test_the_same_tensors_make_the_same_file():
    assert sparse_file.to_bytes(network().state_dict()) == sparse_file.to_bytes(
        network().state_dict()
    )


CONTENT = sparse_file.to_bytes({"w": torch.tensor([0.0] * 50 + [1.0, 2.0]), "b": torch.ones(3)})


@given(st.integers(0, len(CONTENT) - 1))
def test_a_truncated_file_is_told(length):
    with pytest.raises(UserError, match=r"sparse|truncated"):
        sparse_file.from_bytes(CONTENT[:length], "w")


@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
def test_any_changed_byte_is_told(position, change):
    damaged = bytearray(CONTENT)
    damaged[position] ^= change
    with pytest.raises(UserError, match=r"^w (is no|is trunc|has version).*: (make|use)"):
        sparse_file.from_bytes(bytes(damaged), "w")


def sealed(header: object, payload: bytes = b"") -> bytes:
    """A file whose checksum is right, whatever it holds."""
    told = header if isinstance(header, bytes) else json.dumps(header).encode()
    body = struct.pack("<Q", len(told)) + told + payload
    return struct.pack("<8sII", b"PBSPARSE", 1, zlib.crc32(body)) + body


GOOD = {"name": "w", "dtype": "float32", "shape": [2], "layout": "dense", "n_values": 2}


def test_a_sealed_file_is_read():
    found = sparse_file.from_bytes(sealed([GOOD], bytes(8)), "w")
    assert torch.equal(found["w"], torch.zeros(2))


@pytest.mark.parametrize(
    ("header", "payload"),
    [
        (b"\xff", b""),
        ({}, b""),
        ([GOOD], bytes(7)),
        ([GOOD], bytes(9)),
        ([GOOD, GOOD], bytes(16)),
        ([GOOD | {"dtype": "complex64"}], bytes(8)),
        ([GOOD | {"shape": [-2]}], bytes(8)),
        ([GOOD | {"shape": [3]}], bytes(8)),
        ([GOOD | {"n_values": 1}], bytes(4)),
        ([GOOD | {"layout": "bitmap"}], bytes(9)),
        ([GOOD | {"layout": "list"}], bytes(8)),
        ([GOOD | {"more": 1}], bytes(8)),
        ([GOOD | {"layout": "bitmap", "shape": [2**62], "n_values": 0}], b""),
        ([GOOD, GOOD | {"name": "v", "same_as": "u"}], bytes(8)),
        ([GOOD, GOOD | {"name": "v", "same_as": "w", "shape": [1]}], bytes(8)),
        ([GOOD, GOOD | {"name": "v", "same_as": "w", "dtype": "int32"}], bytes(8)),
        ([GOOD | {"same_as": "w"}], b""),
    ],
)
def test_a_header_that_lies_is_told(header, payload):
    with pytest.raises(UserError, match="w is truncated or damaged: make it again"):
        sparse_file.from_bytes(sealed(header, payload), "w")


def test_a_later_version_is_told():
    later = CONTENT[:8] + struct.pack("<I", 3) + CONTENT[12:]
    with pytest.raises(UserError, match="has version 3"):
        sparse_file.from_bytes(later, "w")


def test_what_is_no_such_file_and_what_is_missing(tmp_path):
    torch.save({"w": torch.ones(2)}, tmp_path / "w.pt")
    with pytest.raises(UserError, match=r"w.pt.*sparse"):
        sparse_file.read(tmp_path / "w.pt")
    with pytest.raises(UserError, match="weights"):
        sparse_file.read(tmp_path / "absent")


@pytest.mark.filterwarnings("ignore:Sparse (CSR|invariant)")
@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: torch.zeros(2, dtype=torch.complex64), "view_as_real"),
        (lambda: torch.eye(2).to_sparse(), "to_dense"),
        (lambda: torch.eye(2).to_sparse_csr(), "to_dense"),
        (lambda: torch.empty(2, device="meta"), "meta"),
        (lambda: torch.zeros(2, dtype=torch.uint16), "int64"),
        (lambda: torch.zeros(2).to(torch.float8_e5m2), "float32"),
    ],
)
def test_a_tensor_that_cannot_be_stored_is_named(tmp_path, make, told):
    tensor = make()
    with pytest.raises(ValueError, match=f"^phase: .*{told}"):
        sparse_file.write({"phase": tensor}, tmp_path / "w")
    assert not list(tmp_path.iterdir())
