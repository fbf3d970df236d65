"""Adam on active entries alone, compiled by numba.

Moments, gradients and updates of some active entries are computed on neighbouring numbers (which a
processor does sixteen at a time), and the updates are added to the weights where they belong, while
the next numbers are on their way from memory. B: entries of a block.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numba.extending import intrinsic
from numpy.typing import NDArray

from partial_backprop.freezing.active_adam import COUPLED, DECOUPLED


@intrinsic
def _fma(_: Any, a: Any, b: Any, c: Any) -> Any:
    """Multiply and add with one rounding: a · b + c, as torch's vectors do."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fma(*args)

    return a(a, b, c), emit


_CHUNK = 32
"""Active entries whose updates are computed at a time: enough to fill vectors, few enough that a
processor adds them to the weights while it waits for the next ones."""


@njit(inline="always", error_model="numpy")
def _chunk(
    n, w, at, g, m, v, top, work, amsgrad, one_minus_beta1, beta2, one_minus_beta2,
    minus_step_size, root_correction, eps, decay, decay_by,
) -> None:  # fmt: skip
    # The order of operations is that of torch's fused kernel; a change of it changes results.
    for j in range(n):
        work[j] = g[j]
    if decay == COUPLED:
        for j in range(n):
            work[j] = _fma(w[np.int64(at[j])], decay_by, work[j])
    elif decay == DECOUPLED:
        for j in range(n):
            w[np.int64(at[j])] *= decay_by
    if amsgrad:
        for j in range(n):
            mean = _fma(one_minus_beta1, work[j] - m[j], m[j])
            square = _fma(one_minus_beta2 * work[j], work[j], v[j] * beta2)
            largest = square if top[j] < square else top[j]
            m[j], v[j], top[j] = mean, square, largest
            work[j] = minus_step_size * mean / (np.sqrt(largest) / root_correction + eps)
    else:
        for j in range(n):
            mean = _fma(one_minus_beta1, work[j] - m[j], m[j])
            square = _fma(one_minus_beta2 * work[j], work[j], v[j] * beta2)
            m[j], v[j] = mean, square
            work[j] = minus_step_size * mean / (np.sqrt(square) / root_correction + eps)
    for j in range(n):
        w[np.int64(at[j])] += work[j]


def _adam(
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
    one_minus_beta1: Any,
    beta2: Any,
    one_minus_beta2: Any,
    minus_step_size: Any,
    root_correction: Any,
    eps: Any,
    decay: int,
    decay_by: Any,
) -> None:
    work = np.empty(_CHUNK, values.dtype)
    for block in range(starts.shape[0] - 1):
        start, stop = np.int64(starts[block]), np.int64(starts[block + 1])
        w = values[block * size :]
        while start < stop:
            # Of a length known beforehand but for a block's last ones.
            end = min(start + _CHUNK, stop)
            n = _CHUNK if end - start == _CHUNK else end - start
            if n == _CHUNK:
                _chunk(
                    _CHUNK, w, places[start:end], gradients[start:end], exp_avg[start:end],
                    exp_avg_sq[start:end], max_exp_avg_sq[start:end], work, amsgrad,
                    one_minus_beta1, beta2, one_minus_beta2, minus_step_size, root_correction, eps,
                    decay, decay_by,
                )  # fmt: skip
            else:
                _chunk(
                    n, w, places[start:end], gradients[start:end], exp_avg[start:end],
                    exp_avg_sq[start:end], max_exp_avg_sq[start:end], work, amsgrad,
                    one_minus_beta1, beta2, one_minus_beta2, minus_step_size, root_correction, eps,
                    decay, decay_by,
                )  # fmt: skip
            start = end


def _gather(
    size: int,
    values: NDArray,
    places: NDArray[np.uint16],
    starts: NDArray[np.int32],
    found: NDArray,
) -> None:
    for block in range(starts.shape[0] - 1):
        start, stop = starts[block], starts[block + 1]
        w, at, of_block = values[block * size :], places[start:stop], found[start:stop]
        for j in range(stop - start):
            of_block[j] = w[np.int64(at[j])]


@functools.cache
def compiled() -> tuple[Callable[..., None], Callable[..., None]]:
    """Compile the step and the copying of active entries, or fetch them from numba's cache."""
    # Without numpy's division, a test for a divisor of 0 would keep the loops from vectors.
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return tuple(njit(cache=True, **options)(one) for one in (_adam, _gather))
    except RuntimeError:  # no folder that can be written to
        return tuple(njit(**options)(one) for one in (_adam, _gather))
