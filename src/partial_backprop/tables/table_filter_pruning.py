"""Zeros, accuracies and what removing filters saves, beside the printed numbers (seed 002)."""

from typing import Any

import numpy as np
import pandas as pd

from partial_backprop.facts import of_runs, sentences
from partial_backprop.frames import filter_arms
from partial_backprop.frames.filter_arms import ARMS, EXPERIMENT, NETWORK, PRINTED_BLOCKS, SEED
from partial_backprop.inputs import Inputs
from partial_backprop.intervals import summary
from partial_backprop.tables import layout
from partial_backprop.tables.layout import Cell, Row, Table

COLUMNS = "lrrrrrrrr"
HEADER = (
    Row(
        ("", Cell("Zeros (%)", 2), Cell("Accuracy (%)", 2), Cell("Left after removal (%)", 4)),
    ),
    Row(
        ("Network", "|w| ≤ τ", "w < τ", "test", "“test”", "weights", "FLOPs", "file", "time"),
    ),
)
MEASURED = (
    "zeros_percent", "signed_percent", "test_percent", "augmented_train_percent",
    "n_parameters_left_percent", "n_multiply_adds_left_percent", "n_bytes_left_percent",
    "time_left_percent",
)  # fmt: skip
_COUNTS = (
    "n_weights", "n_zeros", "n_signed", "test_n_correct", "test_n_examples",
    "augmented_train_n_correct", "augmented_train_n_examples", "small_test_n_correct",
    "whole_n_parameters", "small_n_parameters", "whole_n_multiply_adds", "small_n_multiply_adds",
    "whole_n_bytes", "small_n_bytes",
)  # fmt: skip

LAYER_COLUMNS = (
    ("group_filters", "n_zeros"), ("group_channels", "n_zeros"), ("as_printed", "n_zeros"),
    ("plain", "n_signed"), ("as_printed", "n_signed"),
)  # fmt: skip
"""Arm and rule of each measured column of the part by layer."""


def build(inputs: Inputs) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        Runs of ``filter_pruning``, and the printed numbers.

    Returns
    -------
    Table
        One line an arm, with zeros counted by magnitude and as the source's script counts, accuracy on
        the test set and on what the script calls so, and what is left when zero filters are removed;
        the source's numbers; then zeros by layer.

    References
    ----------
    Seed 002, filter pruning.
    """
    found = filter_arms.frame(inputs.runs)
    layers = filter_arms.layers(inputs.runs)
    rows, body = [], []
    for arm, name in ARMS.items():
        values, row = _arm(found, arm, name)
        rows.append(values)
        body.append(row)
    for values, row in _printed(inputs):
        rows.append(values)
        body.append(row)
    by_layer = [_layer(inputs, layers, name) for name in layer_names(inputs)]
    body += _layer_heading()
    for values, row in by_layer:
        rows.append(values)
        body.append(row)
    return Table(pd.DataFrame(rows), COLUMNS, HEADER, tuple(body), _notes(inputs, found))


def layer_names(inputs: Inputs) -> list[str]:
    """List the tensors of which the source prints the zeros.

    Parameters
    ----------
    inputs : Inputs
        For the printed numbers.

    Returns
    -------
    list of str
        Parameter names, in the order of the network.
    """
    entries = inputs.reported.documents[SEED].entries
    names = [name.removeprefix("filters.1.") for name in entries if name.startswith("filters.1.")]
    return [name for name in names if name != "total" and not name.startswith("by_filter.")]


def _arm(found: pd.DataFrame, arm: str, name: str) -> tuple[dict[str, Any], Row]:
    values: dict[str, Any] = {"part": "arms", "name": arm}
    strength = summary(filter_arms.pick(found, arm, "strength"))
    values |= {"strength": strength.mean, "n_seeds": strength.n}
    cells = []
    for column in MEASURED:
        over_seeds = summary(filter_arms.pick(found, arm, column))
        values |= {f"{column}_mean": over_seeds.mean, f"{column}_std": over_seeds.std}
        is_absent = not over_seeds.n and column == "time_left_percent"
        cells.append(layout.NONE if is_absent else layout.spread(over_seeds, 1))
    for column in _COUNTS:
        counts = filter_arms.pick(found, arm, column)
        values[column] = " ".join(str(int(count)) for count in counts)
    for column in ("whole_time_s", "small_time_s", "largest_difference", "largest_output"):
        values[column] = " ".join(map(str, filter_arms.pick(found, arm, column)))
    return values, Row((name, *cells))


def _printed(inputs: Inputs) -> list[tuple[dict[str, Any], Row]]:
    reported = inputs.reported
    lines: dict[str, tuple[float, float]] = {
        "printed, without penalty": (
            np.nan, reported.entry(SEED, "filters.plain").values["test_accuracy_percent"],
        ),
    }  # fmt: skip
    final = reported.entry(SEED, "filters.pruned").values["test_accuracy_percent"]
    for block, accuracy in zip(PRINTED_BLOCKS, (np.nan, final), strict=True):
        total = reported.entry(SEED, f"filters.{block}.total").values["sparse_percent"]
        lines[f"printed, with it ({block})"] = (total, accuracy)
    return [
        (
            {"part": "printed", "name": name, "printed_sparse_percent": total,
             "printed_accuracy_percent": accuracy},
            Row(
                (name, layout.NONE, layout.number(total, 1), layout.NONE,
                 layout.number(accuracy, 1), *[layout.NONE] * 4),
                italic=True,
                rule_above=number == 0,
            ),
        )
        for number, (name, (total, accuracy)) in enumerate(lines.items())
    ]  # fmt: skip


def _layer_heading() -> list[Row]:
    return [
        Row(
            ("", "", Cell("|w| ≤ τ (%)", 3), Cell("w < τ (%)", 2), Cell("printed (%)", 2)),
            rule_above=True,
        ),
        Row(
            ("Layer", "Weights", "filters", "channels", "script", "no pen.", "script", "(1)", "(2)")
        ),
    ]


def _layer(inputs: Inputs, layers: pd.DataFrame, name: str) -> tuple[dict[str, Any], Row]:
    n_weights = sorted(set(layers.loc[layers["name"].eq(name), "n_weights"]))
    values: dict[str, Any] = {"part": "layers", "name": name}
    values["n_weights"] = " ".join(map(str, n_weights))
    cells = [" or ".join(f"{count:,}" for count in n_weights) or layout.NONE]
    for arm, count in LAYER_COLUMNS:
        mean = summary(filter_arms.share(layers, arm, name, count)).mean
        values[f"{arm}_{count}_percent"] = mean
        cells.append(layout.number(mean, 1))
    for block in PRINTED_BLOCKS:
        share = inputs.reported.entry(SEED, f"filters.{block}.{name}").values["sparse_share"]
        values[f"printed_{block}_percent"] = 100 * share
        cells.append(layout.number(100 * share, 1))
    return values, Row((name, *cells), rule_above=name.startswith("conv1"))


def _notes(inputs: Inputs, found: pd.DataFrame) -> tuple[str, ...]:
    facts = of_runs(EXPERIMENT, NETWORK, inputs.runs)
    told = " ".join(sentences([facts])) or f"{NETWORK} was {layout.NOT_RUN} at this scale."
    notes = [f"Scale {inputs.scale}: {inputs.title.rstrip('.')}. {told}"]
    if len(found):
        whole = found.iloc[0]
        notes.append(
            f"τ = {layout.significant(whole['threshold'], 1)}. “Test”: accuracy on the training images, "
            "shifted and mirrored at random, which the source's script calls test; its “w < τ” counts "
            "every negative weight. All runs are measured in both ways. Last epoch."
        )
        notes.append(
            f"Left: of {int(whole['whole_n_parameters']):,} parameters, "
            f"{2 * whole['whole_n_multiply_adds'] / 1e6:,.1f} million FLOPs an image, a file of "
            f"{whole['whole_n_bytes'] / 1e6:,.2f} MB and the time an image takes, measured in turns with "
            "the smaller network; median of pairs."
        )
    where = inputs.reported.documents[SEED].source
    notes.append(
        f"Printed: in the source ({where}), on data that it does not name; (1) and (2) are its two "
        "blocks of zeros. Script: all of its four defects together."
    )
    return tuple(notes)
