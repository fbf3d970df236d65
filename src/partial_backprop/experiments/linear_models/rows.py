"""Rows of the descents of Lab 1."""

from collections.abc import Iterator

import numpy as np

from partial_backprop.experiments.linear_models import results as linear
from partial_backprop.inputs import Run
from partial_backprop.report.rows import Row, emit

METRICS = (
    "n_nonzero", "n_steps", "n_updates", "loss", "log10_loss", "noise", "noise_by_update",
    "loss_settled_step", "weights_settled_step", "n_exact_zero", "n_near_zero",
    "distance_to_sparsest", "w1", "w2", "w3", "w4", "w5",
)  # fmt: skip
"""Quantities that it adds to the results frame."""


NEAR_ZERO = 0.05
"""Magnitude up to which one final pruning takes a weight of Lab 1, whose targets are whole numbers."""


def rows(run: Run) -> Iterator[Row]:
    """Lab 1, where nothing is random. A descent that never settles does so after infinitely many steps."""
    if run.record.experiment != linear.EXPERIMENT:
        return
    report = linear.of(run.record)
    for course in report.courses:
        losses, weights = (
            linear.by_step(report, values) for values in (course.losses, course.weights)
        )
        end, last = weights[-1], losses[-1]
        settled = linear.loss_settled_after(losses), linear.weights_settled_after(weights)
        values = {
            "n_steps": report.n_steps,
            "n_updates": len(course.losses) - 1,
            "loss": last,
            "log10_loss": np.log10(max(last, np.finfo(float).tiny)),
            "noise": linear.noise(losses),
            "noise_by_update": linear.noise(
                course.losses, linear.TAIL_STEPS * report.updates_per_step
            ),
            "loss_settled_step": np.inf if settled[0] is None else settled[0],
            "weights_settled_step": np.inf if settled[1] is None else settled[1],
            "n_nonzero": sum(weight != 0 for weight in end),
            "n_exact_zero": sum(weight == 0 for weight in end),
            "n_near_zero": sum(abs(weight) <= NEAR_ZERO for weight in end),
            "distance_to_sparsest": linear.largest_difference(end, report.sparsest),
            **{f"w{position}": weight for position, weight in enumerate(end, start=1)},
        }
        yield from emit(run, values, strength=course.strength)
