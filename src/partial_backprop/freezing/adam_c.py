"""Adam on active entries alone, compiled from ``adam.c`` by the machine's own compiler.

The same values as `adam_kernel`'s, without the 120 MB that numba takes in a process.
"""

import ctypes
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partial_backprop import c_library

SOURCE = Path(__file__).with_name("adam.c")
# As exact as it is written: what is fused, is so by name.
FLAGS = ("-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math")
_NUMBERS = {4: ctypes.c_float, 8: ctypes.c_double}


@functools.cache
def compiled() -> tuple[Callable[..., None], Callable[..., None]] | None:
    """Compile the step and the copying of active entries, or find them where they were left."""
    library = c_library.load(SOURCE, *FLAGS)
    if library is None:
        return None
    return functools.partial(_adam, library), functools.partial(_gather, library)


def _adam(
    library: ctypes.CDLL,
    size: int,
    values: NDArray,
    places: NDArray[np.uint16],
    starts: NDArray[np.int32],
    bits: NDArray[np.uint8],
    gradients: NDArray,
    exp_avg: NDArray,
    exp_avg_sq: NDArray,
    max_exp_avg_sq: NDArray,
    amsgrad: bool,
    *numbers: Any,
) -> None:
    width = values.itemsize
    *factors, decay, decay_by = numbers
    getattr(library, f"adam_{width}")(
        *_blocks(size, values, places, starts),
        *(_pointer(one) for one in (bits, gradients, exp_avg, exp_avg_sq, max_exp_avg_sq)),
        int(amsgrad),
        *(_NUMBERS[width](one) for one in factors),
        decay,
        _NUMBERS[width](decay_by),
    )


def _gather(
    library: ctypes.CDLL,
    size: int,
    values: NDArray,
    places: NDArray[np.uint16],
    starts: NDArray[np.int32],
    found: NDArray,
) -> None:
    function = getattr(library, f"gather_{values.itemsize}")
    function(*_blocks(size, values, places, starts), _pointer(found))


def _blocks(size: int, *arrays: NDArray) -> tuple:
    n_blocks = len(arrays[-1]) - 1
    return ctypes.c_int64(size), ctypes.c_int64(n_blocks), *map(_pointer, arrays)


def _pointer(array: NDArray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data if array.size else None)
