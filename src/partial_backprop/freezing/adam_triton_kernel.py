"""Adam on active entries alone, in one pass over all parameters, as a kernel of Triton for a GPU.

One program works on each block of every parameter: it goes through the block's active entries, whose
gradients and moments lie side by side, and fetches weights from where they are. Which parameter and
which block are its own it finds in a table of addresses, so that one start does for all parameters.
B: entries of a block. P: parameters of a step.
"""

from __future__ import annotations  # those of the kernel, where there is no Triton

import functools
from typing import Any

try:
    import triton
    import triton.language as tl
except ImportError:  # comes with torch's builds for GPUs
    triton = tl = None

LANES = 512
"""Active entries that a program takes at a time: a fifth of a block has about 410."""


def _adam(
    table,
    numbers,
    n_jobs: tl.constexpr,
    one_minus_beta1: tl.constexpr,
    beta2: tl.constexpr,
    one_minus_beta2: tl.constexpr,
    eps: tl.constexpr,
    coupled: tl.constexpr,
    decoupled: tl.constexpr,
    amsgrad: tl.constexpr,
    dtype: tl.constexpr,
    columns: tl.constexpr,
    size: tl.constexpr,
    lanes: tl.constexpr,
) -> None:
    # The order of operations is that of `adam_kernel`; a change of it changes results.
    program = tl.program_id(0)
    column = tl.arange(0, columns)
    known = column < n_jobs
    first_blocks = tl.load(table + column, mask=known, other=0)
    job = tl.sum(tl.cast(known & (first_blocks <= program), tl.int32), axis=0) - 1
    row = table + job
    block = program - tl.load(row)
    pointer = tl.pointer_type(dtype)
    w = tl.cast(tl.load(row + n_jobs), pointer) + block * size
    g = tl.cast(tl.load(row + 2 * n_jobs), pointer)
    places = tl.cast(tl.load(row + 3 * n_jobs), tl.pointer_type(tl.int16))
    starts = tl.cast(tl.load(row + 4 * n_jobs), tl.pointer_type(tl.int32))
    exp_avg = tl.cast(tl.load(row + 5 * n_jobs), pointer)
    exp_avg_sq = tl.cast(tl.load(row + 6 * n_jobs), pointer)
    max_exp_avg_sq = tl.cast(tl.load(row + 7 * n_jobs), pointer)
    minus_step_size = tl.load(numbers + job)
    root_correction = tl.load(numbers + n_jobs + job)
    decay_by = tl.load(numbers + 2 * n_jobs + job)

    # Of its own type: a number as it is would be taken as one of single precision.
    weight1 = tl.full((lanes,), one_minus_beta1, dtype)
    keep2 = tl.full((lanes,), beta2, dtype)
    weight2 = tl.full((lanes,), one_minus_beta2, dtype)
    more = tl.full((lanes,), eps, dtype)
    start = tl.load(starts + block)
    stop = tl.load(starts + block + 1)
    for first in range(start, stop, lanes):
        at = first + tl.arange(0, lanes)
        on = at < stop
        place = tl.cast(tl.load(places + at, mask=on, other=0), tl.int32)
        gradient = tl.load(g + at, mask=on, other=0.0)
        value = tl.load(w + place, mask=on, other=0.0)
        mean = tl.load(exp_avg + at, mask=on, other=0.0)
        square = tl.load(exp_avg_sq + at, mask=on, other=0.0)
        if coupled:
            gradient = tl.fma(value, tl.broadcast_to(decay_by, (lanes,)), gradient)
        if decoupled:
            value = value * decay_by
        mean = tl.fma(weight1, gradient - mean, mean)
        square = tl.fma(weight2 * gradient, gradient, square * keep2)
        tl.store(exp_avg + at, mean, mask=on)
        tl.store(exp_avg_sq + at, square, mask=on)
        if amsgrad:
            top = tl.load(max_exp_avg_sq + at, mask=on, other=0.0)
            square = tl.where(top < square, square, top)
            tl.store(max_exp_avg_sq + at, square, mask=on)
        if dtype == tl.float32:  # whose plain root and quotient are no exact ones
            root = tl.div_rn(tl.sqrt_rn(square), tl.broadcast_to(root_correction, (lanes,)))
            update = tl.div_rn(minus_step_size * mean, root + more)
        else:
            update = minus_step_size * mean / (tl.sqrt(square) / root_correction + more)
        tl.store(w + place, value + update, mask=on)


@functools.cache
def compiled() -> Any:
    """Make the kernel, which Triton compiles when it is first started; None without Triton."""
    # Arguments: `adam_triton.table`, of shape (8, P); numbers of the parameters' type, of shape (3, P): −step
    # size, √(1 − β₂ᵗ), factor of decay; and what it is compiled for, by name.
    return triton.jit(_adam) if triton is not None else None
