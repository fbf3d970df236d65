"""Positions come back, in few bits."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from partial_backprop.storage import positions


@given(st.sets(st.integers(0, 3000)))
def test_positions_come_back(chosen):
    index = torch.tensor(sorted(chosen), dtype=torch.int64)
    bits, code = positions.pack(index)
    assert torch.equal(positions.unpack(bits, len(index), code), index)


@pytest.mark.parametrize("share", [1e-4, 0.01, 0.05, 0.2, 0.5, 0.9])
def test_the_code_is_close_to_the_entropy(share):
    n = 400_000
    active = torch.rand(n, generator=torch.Generator().manual_seed(0)) < share
    _, code = positions.pack(active.nonzero().flatten())
    p = float(active.float().mean())
    entropy = -n * (p * np.log2(p) + (1 - p) * np.log2(1 - p)) / 8
    assert len(code) < max(1.1 * entropy, n / 8) + 16


@given(st.integers(0, 39), st.integers(0, 50), st.binary(max_size=40))
def test_damaged_codes_are_refused_or_read_as_many_positions(bits, n, content):
    code = torch.from_numpy(np.frombuffer(content, np.uint8).copy())
    try:
        index = positions.unpack(bits, n, code)
    except ValueError:
        return
    assert len(index) == n
