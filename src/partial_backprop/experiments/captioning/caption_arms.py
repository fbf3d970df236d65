"""From records of runs that caption images to tidy frames (seed 001, section 4.2).

Counts become scores here and nowhere earlier.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from partial_backprop import facts
from partial_backprop.errors import UserError
from partial_backprop.facts import Facts
from partial_backprop.inputs import Run
from partial_backprop.measurements import captions
from partial_backprop.measurements.captions import (
    AS_IN_SOURCE,
    EXPERIMENT,
    ORDERS,
    BleuCounts,
    CaptionReport,
)

ARMS = ("fb", "pb", "pb_gradient", "pb_random")
"""Arms in the order in which they are printed."""

DECODINGS = {"teacher": "teacher-forced", "greedy": "greedy", "beam": "beam search"}
"""Way of decoding -> its name in print."""

MARKED = {"teacher_marks": "teacher-forced, with marks"}
"""The same for the reading of the public reference, which records of before lack."""

NETWORK = "Decoder with attention"
"""Name in print of what is trained."""

ENCODERS = {
    "scene_cnn": "a small CNN",
    "efficientnet_lite0": "EfficientNet-Lite0, trained on ImageNet",
    "resnet101": "ResNet-101, trained on ImageNet",
}
"""Module of an encoder -> its name in print; any other is printed as it is."""

SHARES = ("mask_zeros", "natural_zeros", "unmoved", "masked_not_natural")
"""Counts of weights; the last is of those that the mask freezes though their gradient is not zero."""

_IDENTITY = ("arm", "seed")
_NAMES = (("n_", ""), ("", "_percent"))
_SCORES = tuple(f"bleu_{n}" for n in ORDERS)
COUNTS = tuple(f"{what}_{n}" for what in ("matches", "totals") for n in ORDERS)
COUNTS += ("hypothesis_length", "reference_length")
"""Columns of `frame` from which the scores follow."""

_COLUMNS = (*_IDENTITY, "split", "decoding", "references", *_SCORES, *COUNTS)
_COLUMNS += ("n_captions", "n_distinct")


def experiment(runs: Iterable[Run]) -> str:
    """Choose the experiment with the source's epochs where both its FB and PB ran, else the other."""
    arms = {run.record.arm for run in runs if run.record.experiment == AS_IN_SOURCE}
    return AS_IN_SOURCE if {"fb", "pb"} <= arms else EXPERIMENT


def reports(runs: Sequence[Run]) -> list[tuple[Run, CaptionReport]]:
    """Find the runs that captioned images, with their reports."""
    shown = experiment(runs)
    return [(run, captions.of(run.record)) for run in runs if run.record.experiment == shown]


def frame(runs: Sequence[Run]) -> pd.DataFrame:
    """Tabulate scores, one row a run, split, way of decoding and kind of references."""
    rows = []
    for run, report in reports(runs):
        identity: dict[str, Any] = {"arm": run.record.arm, "seed": run.record.seed}
        for split in ("validation", "test"):
            for decoding in DECODINGS | MARKED:
                bleu = getattr(report, split).of(decoding)
                if bleu is None:
                    continue
                made = {"split": split, "decoding": decoding}
                made |= {"n_captions": bleu.n_captions, "n_distinct": bleu.n_distinct}
                rows += [
                    identity | made | {"references": kind} | _scores(getattr(bleu, kind))
                    for kind in ("five", "one")
                ]
        control = {"split": "test", "decoding": "beam", "references": "shuffled"}
        rows.append(identity | control | _scores(report.shuffled))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _scores(found: BleuCounts) -> dict[str, float]:
    values: dict[str, float] = {f"bleu_{n}": found.score(n) for n in ORDERS}
    for what in ("matches", "totals"):
        values |= {f"{what}_{n}": getattr(found, what)[n - 1] for n in ORDERS}
    lengths = ("hypothesis_length", "reference_length")
    return values | {name: getattr(found, name) for name in lengths}


def pick(
    found: pd.DataFrame,
    arm: str,
    column: str = "bleu_4",
    *,
    decoding: str = "beam",
    references: str = "five",
    split: str = "test",
) -> pd.Series:
    """Pick one quantity of one arm."""
    wanted = {"arm": arm, "decoding": decoding, "references": references, "split": split}
    chosen = np.logical_and.reduce([found[name].eq(value) for name, value in wanted.items()])
    return found[chosen].set_index("seed")[column].astype(float).sort_index()


def frozen(runs: Sequence[Run]) -> pd.DataFrame:
    """Tabulate what was frozen, one row a run."""
    rows = []
    for run, _ in reports(runs):
        report = run.record.freezing
        if report is None:
            continue
        counts = {name: report.total(f"n_{name}") for name in SHARES[:3]}
        # A threshold freezes every zero gradient too; a random mask does not.
        by_threshold = report.threshold is not None
        counts["masked_not_natural"] = (
            counts["mask_zeros"] - counts["natural_zeros"] if by_threshold else np.nan
        )
        n_weights = report.total("n_weights")
        row: dict[str, Any] = {"arm": run.record.arm, "seed": run.record.seed}
        row["threshold_paper"] = _threshold(run)
        row["n_weights"] = n_weights
        for name, count in counts.items():
            row |= {f"n_{name}": count, f"{name}_percent": 100 * count / n_weights}
        embedding = sum(
            layer.n_natural_zeros for layer in report.layers if layer.name.startswith("embedding")
        )
        zeros = counts["natural_zeros"]
        row["embedding_percent"] = 100 * embedding / zeros if zeros else np.nan
        rows.append(row)
    columns = [*_IDENTITY, "threshold_paper", "n_weights"]
    columns += [f"{prefix}{name}{suffix}" for name in SHARES for prefix, suffix in _NAMES]
    return pd.DataFrame(rows, columns=[*columns, "embedding_percent"])


def _threshold(run: Run) -> float:
    training, threshold = run.record.config.training, run.record.freezing.threshold
    if training is None or threshold is None:
        return np.nan
    return threshold / training.learning_rate(run.record.freezing.masked_at_epochs[-1])


def share(found: pd.DataFrame, arm: str, column: str) -> pd.Series:
    """Pick one share of one arm."""
    return found[found["arm"].eq(arm)].set_index("seed")[column].dropna().sort_index()


def about(runs: Sequence[Run]) -> Facts | None:
    """Collect the facts of the runs."""
    found = facts.of_runs(experiment(runs), NETWORK, runs)
    return found and dataclasses.replace(found, epochs=None)


def lines(runs: Sequence[Run]) -> list[str]:
    """Say what ran, with which encoder and which words."""
    made = reports(runs)
    if not made:
        return []
    first = made[0][1]
    for run, report in made:
        if report.encoder != first.encoder:
            raise UserError(
                f"{made[0][0].path} and {run.path} differ in encoder and cannot be compared: delete "
                f"the outdated one and run {experiment(runs)} again"
            )
    rows, columns = first.grid
    lengths = sorted({len(report.epochs) for _, report in made})
    ran = f"{lengths[0]}" if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]}"
    encoder = ENCODERS.get(first.encoder, first.encoder)
    return [
        *facts.sentences([about(runs)]),
        f"Encoder, frozen: {encoder}; {first.n_features} features at each of {rows} × {columns} "
        f"locations. {first.n_words:,} words; {first.n_train_captions:,} training captions; "
        f"{ran} {'epoch' if ran == '1' else 'epochs'}.",
    ]
