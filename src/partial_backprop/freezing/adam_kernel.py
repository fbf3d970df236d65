"""Adam on active entries alone, in one pass, compiled by numba.

A block's active gradients are drawn together, moments and updates of the block are computed on
neighbouring numbers (which a processor does sixteen at a time), and the updates are added to the
weights where they belong. Reading and writing single numbers happens within a processor's first
cache. B: entries of a block.
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


def _adam(
    size: int,
    values: NDArray,
    gradients: NDArray,
    places: NDArray[np.uint16],
    starts: NDArray[np.int32],
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
    # The order of operations is that of torch's fused kernel; a change of it changes results.
    work = np.empty(size, values.dtype)
    for block in range(starts.shape[0] - 1):
        start, stop = starts[block], starts[block + 1]
        n = stop - start
        w, g = values[block * size :], gradients[block * size :]
        at, m, v = places[start:stop], exp_avg[start:stop], exp_avg_sq[start:stop]
        for j in range(n):
            work[j] = g[np.int64(at[j])]
        if decay == COUPLED:
            for j in range(n):
                work[j] = _fma(w[np.int64(at[j])], decay_by, work[j])
        elif decay == DECOUPLED:
            for j in range(n):
                w[np.int64(at[j])] *= decay_by
        if amsgrad:
            top = max_exp_avg_sq[start:stop]
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


@functools.cache
def compiled() -> Callable[..., None]:
    """Compile the step, or fetch it from numba's cache beside this file.

    Returns
    -------
    callable
        ``(B, values, gradients, places, starts, exp_avg, exp_avg_sq, max_exp_avg_sq, amsgrad,
        1 − β₁, β₂, 1 − β₂, −step size, √(1 − β₂ᵗ), ε, decay, decay_by)``: arrays of shape (n,),
        (n,), (n_active,), (⌈n / B⌉ + 1,) and thrice (n_active,), and numbers of the arrays' type.
        Values and moments are altered in place. It lets other threads run meanwhile.
    """
    # Without numpy's division, a test for a divisor of 0 would keep the loops from vectors.
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return njit(cache=True, **options)(_adam)
    except RuntimeError:  # no folder that can be written to
        return njit(**options)(_adam)
