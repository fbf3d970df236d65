"""As much of Triton's language as `freezing.adam_triton_kernel` uses, on numpy and a processor's memory.

Triton itself weighs a gigabyte. Here the kernel runs as the Python function that it is: one program
after another, each lane an entry of an array, pointers as addresses. Stricter than Triton in two
ways: a store takes numbers of the memory's own type only, and so do the operations that round.
"""

import ctypes
import functools
import sys
from typing import Any, NamedTuple

import numpy as np
import torch
from numba import njit

from partial_backprop.freezing import active_adam, adam_triton
from partial_backprop.freezing import adam_triton_kernel as kernel
from partial_backprop.freezing.adam_kernel import _fma

int16, int32, int64, float32, float64 = map(np.dtype, ("i2", "i4", "i8", "f4", "f8"))
_program = np.int32(0)


def install(monkeypatch) -> None:
    """Let Adam's compact steps on a processor be made by the GPU's kernel."""
    for name in ("triton", "tl"):
        monkeypatch.setattr(kernel, name, sys.modules[__name__])
    monkeypatch.setattr(kernel, "compiled", functools.cache(kernel.compiled.__wrapped__))
    monkeypatch.setattr(adam_triton, "works", functools.cache(adam_triton.works.__wrapped__))
    monkeypatch.setattr(active_adam, "KERNELS", {"cpu": "triton"})


class pointer_type(NamedTuple):
    """Type of an address."""

    to: np.dtype


class Pointer(NamedTuple):
    """Addresses, one or as many as lanes."""

    address: np.ndarray
    to: np.dtype

    def __add__(self, offset):
        return self._replace(address=self.address + np.int64(offset) * self.to.itemsize)

    def memory(self, mask) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Memory as numbers, which of them are meant, and by which lanes."""
        lanes = np.broadcast_to(True if mask is None else mask, np.shape(self.address))
        addresses = np.asarray(self.address)[lanes]
        low = addresses.min(initial=np.iinfo(np.int64).max)
        n = (addresses.max(initial=low) - low) // self.to.itemsize + 1 if addresses.size else 0
        raw = (ctypes.c_char * int(n * self.to.itemsize)).from_address(int(low) if n else 0)
        return np.frombuffer(raw, self.to), (addresses - low) // self.to.itemsize, lanes


def program_id(axis: int):
    assert axis == 0
    return _program


def arange(start: int, stop: int):
    assert (stop - start).bit_count() == 1, "Triton's vectors have lengths that are powers of 2"
    return np.arange(start, stop, dtype=int32)


def full(shape, value, dtype):
    return np.full(shape, value, dtype)


def cast(values, to):
    if isinstance(to, pointer_type):
        assert values.dtype == int64
        return Pointer(values, to.to)
    return values.astype(to)


def load(pointer: Pointer, mask=None, other=None):
    memory, at, lanes = pointer.memory(mask)
    found = np.full(np.shape(pointer.address), 0 if other is None else other, pointer.to)
    found[lanes] = memory[at]
    return found[()]


def store(pointer: Pointer, values, mask=None) -> None:
    assert values.dtype == pointer.to, f"{values.dtype} into memory of {pointer.to}"
    memory, at, lanes = pointer.memory(mask)
    memory[at] = values[lanes]


def sum(values, axis: int):
    return values.sum(axis=axis, dtype=values.dtype)


def where(condition, one, other):
    return np.where(condition, one, other)


def broadcast_to(values, shape):
    return np.broadcast_to(values, shape)


def sqrt(values):
    assert values.dtype == float64, "Triton's root of single precision is not exact"
    return np.sqrt(values)


def sqrt_rn(values):
    assert values.dtype == float32
    return np.sqrt(values)


def div_rn(one, other):
    assert one.dtype == other.dtype == float32
    return one / other


@njit
def _fused(a, b, c, found) -> None:
    for i in range(len(found)):
        found[i] = _fma(a[i], b[i], c[i])


def fma(a, b, c):
    assert a.dtype == b.dtype == c.dtype
    found = np.empty_like(c)
    _fused(*map(np.ascontiguousarray, (a, b, c)), found)
    return found


def _argument(value: Any) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    assert value.is_contiguous()
    return Pointer(np.int64(value.data_ptr()), np.dtype(str(value.dtype).removeprefix("torch.")))


class jit:
    """A kernel: ``jit(function)[number of programs,](...)``."""

    def __init__(self, function) -> None:
        self._function = function

    def __getitem__(self, grid):
        def start(*args, enable_fp_fusion: bool, **constants) -> None:
            global _program
            assert not enable_fp_fusion
            (n_programs,) = grid
            pointers = [_argument(value) for value in args]  # and their tensors live on
            for program in range(n_programs):
                _program = np.int32(program)
                with np.errstate(all="ignore"):
                    self._function(*pointers, **constants)

        return start
