"""FB against PB on seed 001's four networks: what tables 1 and 2 have in common.

Each network has four lines: what ran; measured under the paper's protocol; measured at the last epoch;
and, in italics, the numbers that the source prints.
"""

from typing import Any

import numpy as np
import pandas as pd

from partial_backprop import labels
from partial_backprop.facts import Facts, as_in_source, numbered, sentences
from partial_backprop.frames.aggregate import by_seed, runs_frame
from partial_backprop.inputs import Inputs
from partial_backprop.intervals import Difference, Summary, summary
from partial_backprop.report import image_pairs
from partial_backprop.tables import layout
from partial_backprop.tables.layout import Cell, Row

_BASES = {"fb": "", "pb_random": "random_"}
_ENDS = ("difference_points_mean", "difference_points_low", "difference_points_high", "n_pairs")
"""What PB is compared with -> how the columns of that difference begin; and how they end."""

RULES = ("paper_protocol", "last")
"""Selection rules in the order of their lines."""

_DIFFERENCES = ("PB − FB", "PB − random")
_POINTS = ("(points)", "(points)")
HEADER = (
    Row(("", Cell("Threshold", 2), "Frozen", Cell("Test accuracy (%)", 2), *_DIFFERENCES)),
    Row(("Epoch", "tweaked", "Otsu", "(%)", "FB", "PB", *_POINTS)),
)
COLUMNS = "lrrrrrrr"


def threshold(inputs: Inputs, frame: pd.DataFrame, experiment: str, which: str) -> pd.Series:
    """Find the thresholds of an experiment, in the paper's units.

    Parameters
    ----------
    inputs : Inputs
        Runs and gradient samples.
    frame : pandas.DataFrame
        `runs_frame` of the runs.
    experiment : str
        Name of the experiment.
    which : {"tweaked", "otsu"}
        The one of the arm ``pb``, or the automatic one.

    Returns
    -------
    pandas.Series
        Values indexed by seed, from the arm that used the threshold; where that arm did not run,
        from the gradient samples.
    """
    arm = {"tweaked": "pb", "otsu": "pb_otsu"}[which]
    used = by_seed(frame, experiment, arm, "threshold_paper")
    if len(used):
        return used
    return pd.Series(
        {
            sample.seed: getattr(sample.density, which) / sample.learning_rate
            for sample in inputs.gradients
            if sample.experiment == experiment
        },
        dtype=float,
    )


def _measured(inputs: Inputs, frame: pd.DataFrame, experiment: str, rule: str) -> dict[str, Any]:
    """Raw values of one line; NaN where an arm did not run."""
    values: dict[str, Any] = {"rule": rule}
    for which in ("tweaked", "otsu"):
        series = threshold(inputs, frame, experiment, which)
        values[f"threshold_{which}_mean"] = summary(series).mean
        values[f"threshold_{which}_min"] = series.min() if len(series) else np.nan
        values[f"threshold_{which}_max"] = series.max() if len(series) else np.nan
    frozen = summary(by_seed(frame, experiment, "pb", "mask_zeros_percent", rule))
    values |= {"frozen_percent_mean": frozen.mean, "frozen_percent_std": frozen.std}
    for column in ("n_mask_zeros", "n_weights"):
        values[f"pb_{column}"] = _per_seed(by_seed(frame, experiment, "pb", column, rule))
    accuracy = {}
    for arm in ("fb", "pb"):
        accuracy[arm] = by_seed(frame, experiment, arm, "test_accuracy_percent", rule)
        mean, std, n = summary(accuracy[arm])
        values |= {
            f"{arm}_seeds": _per_seed(accuracy[arm].index),
            f"{arm}_n_seeds": n,
            f"{arm}_accuracy_percent_mean": mean,
            f"{arm}_accuracy_percent_std": std,
        }
        for column in ("epoch", "test_n_correct", "test_n_examples"):
            values[f"{arm}_{column}"] = _per_seed(by_seed(frame, experiment, arm, column, rule))
    for base, prefix in _BASES.items():
        found = image_pairs.difference(inputs.runs, frame, experiment, ("pb", base), rule)
        values |= dict(zip((prefix + name for name in _ENDS), found[:4], strict=True))
    return values


def _per_seed(values: Any) -> str:
    """Whole numbers, one a seed, in the order of the seeds."""
    return " ".join(str(int(value)) for value in values)


def compare(inputs: Inputs, table: str) -> pd.DataFrame:
    """Tabulate FB against PB, two rows a network.

    Parameters
    ----------
    inputs : Inputs
        Runs of any experiments, gradient samples and printed numbers.
    table : {"table_1", "table_2"}
        The source's table whose numbers stand beside, in columns named ``reported_…``.

    Returns
    -------
    pandas.DataFrame
        Raw values in full precision; counts have one number a seed, separated by blanks.
    """
    frame = runs_frame(inputs.runs)
    rows = []
    same = {other: name for name, other in labels.AS_IN_SOURCE.items()}
    for experiment, facts in as_in_source(inputs).items():
        entry = inputs.reported.entry("001", f"{table}.{same.get(experiment, experiment)}")
        reported = {"data": entry.data, "place": entry.place, "line": entry.line, **entry.values}
        row: dict[str, Any] = {"experiment": experiment, "status": "run" if facts else "not run"}
        if facts is not None:
            row |= facts.network.model_dump() | {"current": facts.current, "epochs": facts.epochs}
            row |= {"data": facts.data.name, "schedule": facts.schedule()}
            row |= facts.data.model_dump(include={"n_train", "n_validation", "n_test"})
        row |= {f"reported_{key}": value for key, value in reported.items()}
        rows += [row | _measured(inputs, frame, experiment, rule) for rule in RULES]
    return pd.DataFrame(rows)


def body(
    frame: pd.DataFrame, facts: dict[str, Facts | None], *, intervals: bool
) -> tuple[Row, ...]:
    """Print the rows of `compare`.

    Parameters
    ----------
    frame : pandas.DataFrame
        From `compare`.
    facts : dict
        Experiment -> what ran, or None.
    intervals : bool
        Whether differences have their interval.

    Returns
    -------
    tuple of Row
        For each network a line that says what ran, or that it did not run; its measured lines; and
        the printed numbers of the source.
    """
    rows: list[Row] = []
    for experiment, of_network in facts.items():
        lines = frame[frame["experiment"] == experiment]
        head = f"{labels.experiment(experiment)}: {layout.NOT_RUN}"
        if of_network is not None:
            head = of_network.where()
        rows.append(Row((Cell(head, len(COLUMNS), "l"),), rule_above=bool(rows)))
        if of_network is not None:
            for position, (_, line) in enumerate(lines.iterrows()):
                cells = _numbers(line, position == 0, intervals)
                rows.append(Row((labels.RULES[line["rule"]], *cells)))
        rows.append(_reported(lines.iloc[0]))
    return tuple(rows)


def _numbers(line: pd.Series, with_mask: bool, intervals: bool) -> tuple[str, ...]:
    mask: tuple[str, ...] = ("", "", "")  # the same on every line of a network
    if with_mask:
        ends = (
            [line[f"threshold_{which}_{end}"] for end in ("min", "max")]
            for which in ("tweaked", "otsu")
        )
        frozen = Summary(
            line["frozen_percent_mean"], line["frozen_percent_std"], line["pb_n_seeds"]
        )
        mask = (*map(layout.thresholds, ends), layout.spread(frozen))
    accuracies = (
        layout.spread(
            Summary(
                *(line[f"{arm}_accuracy_percent_{part}"] for part in ("mean", "std")),
                line[f"{arm}_n_seeds"],
            )
        )
        for arm in ("fb", "pb")
    )
    differences = [
        layout.interval(Difference(*(line[prefix + name] for name in _ENDS)))
        for prefix in _BASES.values()
    ]
    if not intervals:
        differences = [printed.partition(" [")[0] for printed in differences]
    return (*mask, *accuracies, *differences)


def _reported(line: pd.Series) -> Row:
    fb, pb = line["reported_fb_accuracy_percent"], line["reported_pb_accuracy_percent"]
    shares = line["reported_threshold"], None, line["reported_frozen_percent"]
    numbers = (*shares, fb, pb, pb - fb, None)
    cells = (layout.NONE if value is None else layout.number(value) for value in numbers)
    name = f"printed, on {line['reported_data']}"
    return Row((name, *cells), italic=True)


def notes(inputs: Inputs, frame: pd.DataFrame, facts: dict[str, Facts | None]) -> tuple[str, ...]:
    """Say what ran and what the columns mean.

    Parameters
    ----------
    inputs : Inputs
        For the scale and the source.
    frame : pandas.DataFrame
        From `compare`.
    facts : dict
        Experiment -> what ran, or None.

    Returns
    -------
    tuple of str
        Paragraphs for under the table.
    """
    document = inputs.reported.documents["001"]
    lines = numbered("line", (int(line) for line in frame["reported_line"]))
    return (
        f"Scale {inputs.scale}: {inputs.title.rstrip('.')}. {' '.join(sentences(facts.values()))}",
        "Accuracies are on the test set. Best on test is the protocol of the source's listing, "
        "which takes the epoch that is best on the test set itself. Thresholds are in the source's units, "
        "gradient magnitude divided by the learning rate at the mask. Frozen: weights that the mask "
        "freezes, natural zeros included, as a share of all weights. Random: as many weights in each layer, "
        "drawn by lot. In brackets after the epochs: after which of them the learning rate falls to a tenth.",
        f"In italics: printed in {frame['reported_place'].iloc[0]} of the source "
        f"({document.source}; {lines} of its text), for networks at full size, 110 epochs (40, 80) and the "
        "epoch that is best on test, without a spread; its difference is computed from the printed "
        "accuracies.",
    )
