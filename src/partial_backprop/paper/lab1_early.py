"""The first steps of the trimmed penalty against those of iterative pruning (seed 003, Lab 1 (f)).

Iterative pruning is the projected descent of part (c): it prunes after every update.
"""

from collections.abc import Sequence

from partial_backprop.measurements import linear
from partial_backprop.paper.descents import (
    Descent,
    Reports,
    by_order,
    first_after,
    lambdas,
    select,
    shorts,
    when,
)
from partial_backprop.paper.numbers import integer, listing, plural
from partial_backprop.paper.text import Tex

EARLY_STEPS = 20
"""Steps that the assignment calls early."""


def first_steps(reports: Reports) -> Tex:
    """Compare the first steps of the trimmed penalty with those of iterative pruning.

    Parameters
    ----------
    reports : mapping of str to LinearReport
        Arm -> report.

    Returns
    -------
    Tex
        Sentences on each order in which both ran; empty where there is none.
    """
    return Tex(
        " ".join(
            f"{name}: {_compared(descents, pruned)}"
            for order, name, descents in by_order(reports, "trimmed")
            for pruned in select(reports, "projected", order)
        )
    )


def _compared(descents: Sequence[Descent], pruned: Descent) -> Tex:
    """Compare the first steps of the trimmed penalty with those of pruning."""
    steps = range(1, min(EARLY_STEPS, pruned.report.n_steps) + 1)
    held = [linear.support(pruned.weights[step]) for step in steps]
    largest, same = [], []
    for one in descents:
        pairs = [(one.weights[step], pruned.weights[step]) for step in steps]
        largest.append(max(linear.largest_difference(*pair) for pair in pairs))
        same.append(sum(linear.support(a) == linear.support(b) for a, b in pairs))
    course = f"pruning keeps {_names(held[0])} from the first step on"
    if held[-1] != held[0]:
        course = (
            f"pruning keeps {_names(held[0])} at first, and {_names(held[-1])} from step "
            f"{integer(steps[held.index(held[-1])])} on"
        )
    size = len(linear.support(pruned.report.sparsest))
    sparse = when(
        "it",
        f"is down to {plural(size, 'weight')} for good",
        descents,
        [_sparse_for_good(one, size) for one in descents],
    )
    return Tex(
        f"{course}. With {lambdas(descents)}, the trimmed penalty leaves the same weights in "
        f"{listing([integer(count) for count in same])} of {integer(len(steps))} steps; {sparse}. "
        f"The largest difference of a weight from pruning is {shorts(largest)}."
    )


def _names(positions: Sequence[int]) -> Tex:
    return listing([Tex(f"$W_{position}$") for position in positions])


def _sparse_for_good(one: Descent, size: int) -> int | None:
    """First step from which on no more than `size` weights differ from zero."""
    return first_after(len(linear.support(weights)) > size for weights in one.weights)
