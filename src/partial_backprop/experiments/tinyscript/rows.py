"""Rows of what few bits cost, and of the variances of rounding."""

from collections.abc import Iterator

import numpy as np

from partial_backprop.experiments.tinyscript import results as tinyscript
from partial_backprop.inputs import Run
from partial_backprop.report.rows import Row, emit

METRICS = (
    "activation_shape", "n_activation_values", "activation_variance_ratio_2bit",
    "activation_variance_ratio_3bit", "activation_variance_ratio_4bit", "gradient_shape",
    "n_gradient_values", "gradient_variance_ratio_2bit", "gradient_variance_ratio_3bit",
    "gradient_variance_ratio_4bit", "n_activation_bytes_a_step", "n_activation_bytes_a_step_before",
    "n_gradient_bytes_a_step", "n_gradient_bytes_a_step_before",
)  # fmt: skip
"""Quantities that it adds to the results frame."""


def rows(run: Run) -> Iterator[Row]:
    """Bytes of packed activations and gradients a step, and variances of rounding by layer."""
    if tinyscript.KEY not in run.record.measurements:
        return
    report = tinyscript.of(run.record)
    for kind in ("activation", "gradient"):
        if getattr(report, f"{kind}s"):
            packed, before = (
                getattr(report, f"n_{kind}_bytes{end}") / report.n_steps for end in ("", "_before")
            )
            found = {f"n_{kind}_bytes_a_step": packed, f"n_{kind}_bytes_a_step_before": before}
            yield from emit(run, found)
    for one in report.magnitudes:
        values = {f"{one.kind}_shape": one.shape, f"n_{one.kind}_values": one.n_values}
        pairs = zip(tinyscript.BITS, one.weibull_variances, one.uniform_variances, strict=True)
        for bits, weibull, uniform in pairs:
            ratio = weibull / uniform if uniform else np.nan
            values[f"{one.kind}_variance_ratio_{bits}bit"] = ratio
        yield from emit(run, values, one.n_values, layer=one.layer)
