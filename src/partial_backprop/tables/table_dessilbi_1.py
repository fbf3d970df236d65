"""Accuracy by optimizer on three data sets (seed 004, table 1)."""

from typing import Any

import pandas as pd

from partial_backprop import labels
from partial_backprop.frames import inclusion_arms
from partial_backprop.frames.aggregate import by_seed, runs_frame
from partial_backprop.frames.inclusion_arms import CIFAR10, IMAGENET, MNIST, SEED
from partial_backprop.inputs import Inputs
from partial_backprop.measurements import inclusion
from partial_backprop.record import Count
from partial_backprop.tables import dessilbi_rows, layout
from partial_backprop.tables.layout import Cell, Row, Table

COLUMNS = "lrrrrrrrr"
ROLES = {MNIST: "MNIST", CIFAR10: "CIFAR-10"}
"""Experiment -> the data set that the source names."""

COMMAND = f"python -m partial_backprop train {IMAGENET} ARM 0 --scale full --out FOLDER"


def build(inputs: Inputs) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        Runs of the three experiments of table 1.

    Returns
    -------
    Table
        One line an optimizer. On MNIST and CIFAR-10, or what stands for them, test accuracy at
        three choices of the epoch; on ImageNet top-1 and top-5 after the last epoch.

    Notes
    -----
    *Departures.* The source does not say which epoch its accuracies are of.

    References
    ----------
    Seed 004, table 1.
    """
    frame = runs_frame(inclusion_arms.of(inputs.runs, *ROLES, IMAGENET))
    rows, body = [], []
    for arm, name in labels.OPTIMIZERS.items():
        cells = []
        for experiment in ROLES:
            for rule in dessilbi_rows.RULES:
                values, text = _accuracy(frame, experiment, arm, rule)
                rows.append(values)
                cells.append(text)
        many = [_accuracy(frame, IMAGENET, arm, "last"), _top_five(inputs, arm)]
        rows += [values for values, _ in many]
        texts = [text for _, text in many]
        is_absent = set(texts) == {layout.NOT_RUN}
        cells += [Cell(layout.NOT_RUN, 2)] if is_absent else texts
        body.append(Row((name, *cells), rule_above=arm in ("adam", "dessilbi")))
    return Table(pd.DataFrame(rows), COLUMNS, _header(inputs), tuple(body), _notes(inputs))


def _accuracy(
    frame: pd.DataFrame, experiment: str, arm: str, rule: str
) -> tuple[dict[str, Any], str]:
    found = [
        by_seed(frame, experiment, arm, f"test_{column}", rule)
        for column in ("accuracy_percent", "n_correct", "n_examples")
    ]
    counts = (" ".join(str(int(count)) for count in one) for one in found[1:])
    values = {"experiment": experiment, "arm": arm, "rule": rule, "top": 1}
    values |= dict(zip(("n_correct", "n_examples"), counts, strict=True))
    more, text = dessilbi_rows.cell("accuracy_percent", found[0])
    return values | more, text


def _top_five(inputs: Inputs, arm: str) -> tuple[dict[str, Any], str]:
    counts = {
        run.record.seed: Count.model_validate(run.record.measurements[inclusion.TOP_FIVE])
        for run in inclusion_arms.of(inputs.runs, IMAGENET)
        if run.record.arm == arm and inclusion.TOP_FIVE in run.record.measurements
    }
    shares = {seed: 100 * one.n_correct / one.n_examples for seed, one in counts.items()}
    values = {"experiment": IMAGENET, "arm": arm, "rule": "last", "top": 5}
    values |= {
        name: " ".join(str(getattr(one, name)) for one in counts.values())
        for name in ("n_correct", "n_examples")
    }
    more, text = dessilbi_rows.cell("accuracy_percent", pd.Series(shares, dtype=float))
    return values | more, text


def _header(inputs: Inputs) -> tuple[Row, Row]:
    groups = []
    for experiment, role in ROLES.items():
        names = {
            labels.data(facts.data.name) for facts in dessilbi_rows.facts(inputs.runs, experiment)
        }
        groups.append(Cell(", ".join(sorted(names)) or role, len(dessilbi_rows.RULES)))
    rules = tuple(dessilbi_rows.RULES.values())
    return (
        Row(("", *groups, Cell("ImageNet", 2))),
        Row(("Optimizer", *rules, *rules, "top-1", "top-5")),
    )


def _notes(inputs: Inputs) -> tuple[str, ...]:
    notes = [dessilbi_rows.ran(inputs, "Table 1", MNIST, CIFAR10, IMAGENET)]
    notes.append(
        "Test accuracy (%), of the epoch that is best on the test set, of the one that is best on the "
        "validation part, and of the last; DessiLBI's is that of its full weights. With several "
        "seeds: mean ± sample standard deviation."
    )
    if not inclusion_arms.of(inputs.runs, IMAGENET):
        notes.append(
            f"ImageNet: not run; with its pictures in data/imagenet, {COMMAND} runs an arm."
        )
    where = inputs.reported.documents[SEED].source
    notes.append(
        f"The source ({where}) has the captions of its tables, and numbers of table 7 alone."
    )
    return tuple(notes)
