"""From records of pruned and quantized networks to tidy frames (seed 003, Labs 2 and 3).

A point is a network at one setting: how much of it is zero, how many bits, and what it is worth.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pandas as pd

from partial_backprop.inputs import Run
from partial_backprop.measurements import compression
from partial_backprop.measurements.compression import Point
from partial_backprop.record import Count

LAB2, LAB3 = "lab2_pruning", "lab3_quantization"
PRETRAINED = "resnet20_pretraining/float"
"""Start of the runs that begin with the trained network."""

START, AT_ONCE = "start", "without_finetuning"
"""Stages before any fine-tuning; after it a stage is the rule that chose the epoch."""

ACCURACY = "test_accuracy_percent"
FLOAT_LAYERS = ("head_conv.0.conv", "final_fc.linear")
"""First and last layer, which no arm quantizes (seed 003, Lab 3 (b))."""

_COLUMNS = (
    "experiment", "arm", "seed", "start", "stage", "sparsity", "bits", "n_classes",
    "validation_n_correct", "validation_n_examples", "validation_accuracy_percent",
    "test_n_correct", "test_n_examples", ACCURACY, "n_zeros", "n_prunable", "zeros_percent",
    "n_values",
)  # fmt: skip
_LAYER_COLUMNS = ("experiment", "arm", "seed", "stage", "sparsity", "bits", "name", "prunable")
_LAYER_COLUMNS += ("n_weights", "n_zeros", "n_values")


def reports(runs: Iterable[Run]) -> list[tuple[Run, compression.CompressionReport]]:
    """Find the runs that pruned or quantized, with their reports.

    Parameters
    ----------
    runs : iterable of Run
        Runs of any experiments.

    Returns
    -------
    list of (Run, CompressionReport)
        In the order of the runs.

    Raises
    ------
    UserError
        If a report is damaged.
    """
    return [
        (run, compression.of(run.record))
        for run in runs
        if compression.KEY in run.record.measurements
    ]


def frame(runs: Sequence[Run]) -> pd.DataFrame:
    """Tabulate points, one row a run, stage and setting.

    Parameters
    ----------
    runs : sequence of Run
        Runs; those that neither pruned nor quantized give no row.

    Returns
    -------
    pandas.DataFrame
        Identity of the run; ``start``, whose weights it began with; ``stage``; the setting that was
        asked for; counts and accuracies in percent; zeros among the prunable weights, counted and
        in percent; ``n_values``, the most distinct values in a layer between the first and the
        last. Zeros and values are counted after the last epoch, and missing at other epochs.
    """
    rows = []
    for run, report in reports(runs):
        identity = _identity(run) | {"start": report.start}
        identity["n_classes"] = run.record.data.n_classes
        rows.append(
            identity | {"stage": START} | _setting(report.start_point) | _row(report.start_point)
        )
        rows += [
            identity | {"stage": AT_ONCE} | _setting(point) | _row(point)
            for point in report.without_finetuning
        ]
        if report.finetuned is not None:
            setting = _setting(report.finetuned)
            for chosen in run.record.selections:
                row = identity | {"stage": chosen.rule} | setting
                row |= _score("validation", chosen.validation) | _score("test", chosen.test)
                rows.append(row | (_counts(report.finetuned) if chosen.rule == "last" else {}))
    return pd.DataFrame(rows, columns=_COLUMNS)


def layers(runs: Sequence[Run]) -> pd.DataFrame:
    """Tabulate the zeros and values of each layer.

    Parameters
    ----------
    runs : sequence of Run
        Runs; those that neither pruned nor quantized give no row.

    Returns
    -------
    pandas.DataFrame
        Identity, stage and setting as in `frame` (after fine-tuning the last epoch only), and the
        fields of `compression.LayerCounts`.
    """
    rows = []
    for run, report in reports(runs):
        points = [(START, report.start_point)]
        points += [(AT_ONCE, point) for point in report.without_finetuning]
        points += [("last", report.finetuned)] if report.finetuned is not None else []
        for stage, point in points:
            shared = _identity(run) | {"stage": stage} | _setting(point)
            rows += [shared | layer.model_dump() for layer in point.layers]
    return pd.DataFrame(rows, columns=_LAYER_COLUMNS)


def _identity(run: Run) -> dict[str, Any]:
    return dict(zip(("experiment", "arm", "seed"), run.key, strict=True))


def _setting(point: Point) -> dict[str, Any]:
    return {"sparsity": point.sparsity, "bits": point.bits}


def _score(split: str, count: Count) -> dict[str, Any]:
    return {
        f"{split}_n_correct": count.n_correct,
        f"{split}_n_examples": count.n_examples,
        f"{split}_accuracy_percent": 100 * count.n_correct / count.n_examples,
    }


def _counts(point: Point) -> dict[str, Any]:
    prunable = [layer for layer in point.layers if layer.prunable]
    inner = [layer.n_values for layer in point.layers if layer.name not in FLOAT_LAYERS]
    return {
        "n_zeros": sum(layer.n_zeros for layer in prunable),
        "n_prunable": sum(layer.n_weights for layer in prunable),
        "zeros_percent": 100 * point.sparsity_total(),
        "n_values": max(inner, default=None),
    }


def _row(point: Point) -> dict[str, Any]:
    return _score("validation", point.validation) | _score("test", point.test) | _counts(point)


def pick(
    points: pd.DataFrame,
    experiment: str,
    arm: str,
    stage: str,
    column: str = ACCURACY,
    *,
    sparsity: float | None = None,
    bits: int | None = None,
) -> pd.Series:
    """Pick one quantity of one arm at one stage.

    Parameters
    ----------
    points : pandas.DataFrame
        From `frame`; may be empty.
    experiment, arm, stage, column : str
        What to pick.
    sparsity : float, optional
        Share that was asked to be zero; None takes any.
    bits : int, optional
        Bits; None takes any.

    Returns
    -------
    pandas.Series
        Values indexed by seed, without the absent ones; empty where nothing ran.
    """
    chosen = points["experiment"].eq(experiment) & points["arm"].eq(arm) & points["stage"].eq(stage)
    for name, value in (("sparsity", sparsity), ("bits", bits)):
        if value is not None:
            chosen &= points[name].eq(value)
    found = points[chosen].set_index("seed")[column]
    return found.dropna().astype(float).sort_index()


def started(points: pd.DataFrame, start: str = PRETRAINED, column: str = ACCURACY) -> pd.Series:
    """Pick one quantity of the network that runs began with.

    Parameters
    ----------
    points : pandas.DataFrame
        From `frame`; may be empty.
    start : str
        Whose weights these were, as ``experiment/arm``.
    column : str
        Quantity.

    Returns
    -------
    pandas.Series
        Values indexed by seed; all runs of a seed that begin there find the same network, of which
        the first one's measurement is taken.
    """
    chosen = points[points["stage"].eq(START) & points["start"].eq(start)]
    found = chosen.drop_duplicates("seed").set_index("seed")[column]
    return found.dropna().astype(float).sort_index()


class ZerosLost(NamedTuple):
    """What moving zeros off zero does at some number of bits, before any fine-tuning."""

    bits: int
    """Of the inner layers."""
    kept_percent: float
    """Mean test accuracy of the sparse network whose zeros stay zero."""
    lost_percent: float
    """The same where they move to the nearest level."""
    chance_percent: float
    """Accuracy of guessing."""
    verdict: str
    """``explains``: only the network that lost its zeros fails; ``both_fail``; ``both_work``; or
    ``only_kept_fails``. To fail is to be at most twice as good as chance."""


def zeros_lost(points: pd.DataFrame) -> list[ZerosLost]:
    """Judge whether zeros that moved off zero explain an accuracy at chance.

    Parameters
    ----------
    points : pandas.DataFrame
        From `frame`; may be empty.

    Returns
    -------
    list of ZerosLost
        From many bits to few; those for which both arms ran.

    References
    ----------
    Seed 003, Lab 3 (d), whose accuracies before fine-tuning are those of chance at every number of
    bits. That its quantizer had moved the zeros is a guess of ours.
    """
    found = []
    for bits in (4, 3, 2):
        kept = pick(points, LAB3, f"joint_{bits}bit", AT_ONCE, bits=bits)
        lost = pick(points, LAB3, "joint_zeros_lost", AT_ONCE, bits=bits)
        if not (len(kept) and len(lost)):
            continue
        chance = 100 / points.loc[points["arm"].eq("joint_zeros_lost"), "n_classes"].iloc[0]
        fails = kept.mean() <= 2 * chance, lost.mean() <= 2 * chance
        verdict = {
            (False, True): "explains",
            (True, True): "both_fail",
            (False, False): "both_work",
            (True, False): "only_kept_fails",
        }[fails]
        means = float(kept.mean()), float(lost.mean())
        found.append(ZerosLost(bits, *means, float(chance), verdict))
    return found
