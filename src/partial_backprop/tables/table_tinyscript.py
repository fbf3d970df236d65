"""Accuracy and bytes with activations and gradients in few bits, and variances by layer."""

from typing import Any

import numpy as np
import pandas as pd

from partial_backprop import labels
from partial_backprop.facts import of_runs, sentences
from partial_backprop.frames.aggregate import by_seed, runs_frame
from partial_backprop.inputs import Inputs
from partial_backprop.intervals import paired_difference, summary
from partial_backprop.measurements import tinyscript
from partial_backprop.measurements.tinyscript import BITS, EXPERIMENTS, QuantizedTraining
from partial_backprop.tables import layout
from partial_backprop.tables.layout import Cell, Row, Table

COLUMNS = "lrrrr"
HEADER = (
    Row(("", "Accuracy (%)", "To float (points)", Cell("A step (KiB)", 2))),
    Row(("Levels", "last epoch", "[95 % interval]", "activations", "gradients")),
)
_BY_LAYER = Row(
    ("Layer: variance, Weibull over uniform", *(f"{bits} bits" for bits in BITS), "shape k"),
    italic=True,
)
KIB = 1024

Line = tuple[dict[str, Any], Row]


def build(inputs: Inputs) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        Runs of ``tinyscript`` and ``tinyscript_cifar10``.

    Returns
    -------
    Table
        For each network a line an arm, then one for each layer's input and weight gradient.

    References
    ----------
    TinyScript: F. Fu et al., ICML 2020.
    """
    frame = runs_frame(inputs.runs)
    rows: list[dict[str, Any]] = []
    body: list[Row] = []
    for experiment in EXPERIMENTS:
        facts = of_runs(experiment, labels.TINYSCRIPT[experiment], inputs.runs)
        name = labels.TINYSCRIPT[experiment]
        told = f"{name}: {layout.NOT_RUN}" if facts is None else facts.name()
        head = Cell(told, len(COLUMNS), "l")
        body.append(Row((head,), italic=True, rule_above=bool(body)))
        if facts is None:
            rows.append({"experiment": experiment, "part": "arm"})
            continue
        found = reports(inputs, experiment)
        for arm in ("float", *labels.TINYSCRIPT_ARMS):
            if arm in found:
                values, row = _arm(frame, experiment, arm, found)
                rows.append(values)
                body.append(row)
        body.append(_BY_LAYER)
        for values, row in _layers(experiment, found):
            rows.append(values)
            body.append(row)
    return Table(pd.DataFrame(rows), COLUMNS, HEADER, tuple(body), _notes(inputs))


def reports(inputs: Inputs, experiment: str) -> dict[str, list[QuantizedTraining]]:
    """Gather the measurements of an experiment.

    Parameters
    ----------
    inputs : Inputs
        Runs of any experiments.
    experiment : str
        Its name.

    Returns
    -------
    dict
        Arm -> measurements, one a seed in increasing order; arms that did not run are absent.
    """
    found: dict[str, list[QuantizedTraining]] = {}
    for run in sorted(inputs.runs, key=lambda run: run.key):
        if run.record.experiment == experiment:
            found.setdefault(run.record.arm, []).append(tinyscript.of(run.record))
    return found


def _arm(
    frame: pd.DataFrame, experiment: str, arm: str, found: dict[str, list[QuantizedTraining]]
) -> Line:
    values: dict[str, Any] = {"experiment": experiment, "part": "arm", "name": arm}
    column = "test_accuracy_percent"
    accuracy = by_seed(frame, experiment, arm, column)
    for part, value in zip(("mean", "std", "n_seeds"), summary(accuracy), strict=True):
        values[f"accuracy_percent_{part}"] = value
    difference = paired_difference(by_seed(frame, experiment, "float", column), accuracy)
    values |= {
        f"difference_points_{part}": getattr(difference, part) for part in ("mean", "low", "high")
    }
    told = layout.NONE if arm == "float" else layout.interval(difference)
    sizes = []
    for kind in ("activation", "gradient"):
        n_bytes = _bytes_a_step(found, arm, kind)
        values[f"n_{kind}_bytes_a_step"] = n_bytes
        sizes.append(layout.number(n_bytes / KIB, 1))
    name = labels.TINYSCRIPT_ARMS.get(arm, "floating point")
    return values, Row((name, layout.spread(summary(accuracy)), told, *sizes))


def _bytes_a_step(found: dict[str, list[QuantizedTraining]], arm: str, kind: str) -> float:
    """Mean over seeds; where nothing was quantized, what the others count before."""
    quantized = [one for one in found[arm] if getattr(one, f"{kind}s")]
    suffix = "" if quantized else "_before"
    ran = quantized or [
        one for reports in found.values() for one in reports if getattr(one, f"{kind}s")
    ]
    sizes = [getattr(one, f"n_{kind}_bytes{suffix}") / one.n_steps for one in ran]
    return float(np.mean(sizes)) if sizes else np.nan


def _layers(experiment: str, found: dict[str, list[QuantizedTraining]]) -> list[Line]:
    """Ratios of variances in the network that was trained in floating point, means over seeds."""
    shown = found.get("float", next(iter(found.values())))
    models = pd.DataFrame(
        {
            "kind": one.kind,
            "layer": one.layer,
            "shape": one.shape,
            "n_values": one.n_values,
            **{
                f"variance_ratio_{bits}bit": weibull / uniform if uniform else np.nan
                for bits, weibull, uniform in zip(
                    BITS, one.weibull_variances, one.uniform_variances, strict=True
                )
            },
        }
        for report in shown
        for one in report.magnitudes
    )
    means = models.groupby(["kind", "layer"], sort=False).mean().reset_index()
    lines = []
    for _, row in means.sort_values("kind", kind="stable").iterrows():
        what = "input" if row["kind"] == "activation" else "gradient"
        ratios = [layout.number(row[f"variance_ratio_{bits}bit"], 3) for bits in BITS]
        values = {"experiment": experiment, "part": row["kind"], "name": row["layer"]}
        values |= row.drop(["kind", "layer"]).to_dict()
        name = f"{row['layer']}, {what}"
        lines.append((values, Row((name, *ratios, layout.number(row["shape"])))))
    return lines


def _notes(inputs: Inputs) -> tuple[str, ...]:
    facts = [of_runs(name, labels.TINYSCRIPT[name], inputs.runs) for name in EXPERIMENTS]
    ran = " ".join(sentences([one for one in facts if one is not None]))
    return (
        f"Scale {inputs.scale}: {inputs.title.rstrip('.')}. {ran}".strip(),
        "Accuracies on the test set: mean ± sample standard deviation over seeds; the difference to "
        "floating point seed by seed. Bits of a magnitude; the sign takes one more. Bytes: of the "
        "activations that are packed, and of all gradients as one process would send them; of what an "
        "arm does not quantize, the bytes in single precision.",
        "Variance: of unbiased rounding, summed over the values of the first batch after the last "
        "epoch of the network in floating point.",
    )
