"""Files of a pruned network, and what the network is worth (seed 002, weight pruning)."""

from typing import Any, NamedTuple

import pandas as pd

from partial_backprop import labels
from partial_backprop.facts import of_runs, sentences
from partial_backprop.inputs import Inputs, Run
from partial_backprop.intervals import summary
from partial_backprop.measurements import sizes
from partial_backprop.measurements.sizes import MIB, SEED, SizesReport
from partial_backprop.tables import layout
from partial_backprop.tables.layout import Cell, Row, Table

COLUMNS = "lrrrrrr"
HEADER = (
    Row(("", Cell("Size (MiB)", 3), "Times", Cell("Printed (Mb)", 2))),
    Row(("File", "as it is", "zip", "zstd", "unpruned", "as it is", "zip")),
)
_WORTH = Row(
    ("Network", "loss", "last epoch", "best val.", "best test", "printed loss", "acc."),
    italic=True,
    rule_above=True,
)
RULES = ("last", "best_on_validation", "paper_protocol")


class _Line(NamedTuple):
    content: sizes.Content
    name: str
    printed: str | None
    """Entry of the printed sizes."""


FILES = (
    _Line("unpruned", "unpruned: weights", "unpruned"),
    _Line("training_state", "pruned: weights, masks, optimizer", "pruned"),
    _Line("training_state_masked", "the same, its state zero where pruned", "pruned"),
    _Line("masks", "pruned: weights, masks", None),
    _Line("weights", "pruned: weights", None),
    _Line("sparse", "pruned: sparse format", None),
)


NETWORKS = {"unpruned": "pruned", "pruned": "pruned", "dense": "dense"}
"""Network -> arm whose record tells of it."""


def reports(inputs: Inputs, arm: str) -> dict[int, tuple[Run, SizesReport]]:
    """Find the runs of an arm, with their reports.

    Parameters
    ----------
    inputs : Inputs
        Runs of any experiments.
    arm : str
        One of `labels.WEIGHT_PRUNING`.

    Returns
    -------
    dict of int to (Run, SizesReport)
        By seed.

    Raises
    ------
    UserError
        If a report is damaged.
    """
    return {
        run.record.seed: (run, sizes.of(run.record))
        for run in inputs.runs
        if (run.record.experiment, run.record.arm) == (sizes.EXPERIMENT, arm)
    }


def _printed(inputs: Inputs, name: str | None, quantity: str) -> float:
    if name is None:
        return float("nan")
    return inputs.reported.entry(SEED, f"weight_pruning.{name}").values[quantity]


def _measured(name: str, values: list[float]) -> tuple[dict[str, Any], pd.Series]:
    series = pd.Series(values, dtype=float)
    mean, std, n = summary(series)
    return {f"{name}_mean": mean, f"{name}_std": std, f"{name}_n_seeds": n}, series


def _size(values: pd.Series) -> str:
    return layout.significant(values.mean(), 3) if len(values) else layout.NOT_RUN


def _file(inputs: Inputs, found: list[SizesReport], line: _Line) -> tuple[dict[str, Any], Row]:
    files = [report.file(line.content) for report in found]
    values: dict[str, Any] = {"what": "file", "name": line.content}
    values["n_values"] = " ".join(str(file.n_values) for file in files)
    cells = [line.name]
    for column in ("n_bytes", "n_bytes_zip", "n_bytes_zstd"):
        counts = [getattr(file, column) for file in files]
        values[column] = " ".join(map(str, counts))
        more, mib = _measured(column.replace("n_bytes", "mib"), [one / MIB for one in counts])
        values |= more
        cells.append(_size(mib))
    pairs = zip(files, (report.file("unpruned") for report in found), strict=True)
    more, times = _measured("times_unpruned", [one.n_bytes / base.n_bytes for one, base in pairs])
    cells.append(layout.number(summary(times).mean, 2))
    for suffix in ("", "_zip"):
        name = f"size.{line.printed}{suffix}" if line.printed else None
        values[f"printed_mb{suffix}"] = _printed(inputs, name, "size_mb")
        cells.append(layout.number(values[f"printed_mb{suffix}"]))
    return values | more, Row(tuple(cells))


def _worth(inputs: Inputs, name: str) -> tuple[dict[str, Any], Row]:
    found = reports(inputs, NETWORKS[name])
    before = name == "unpruned"
    worths = [report.unpruned if before else report.pruned for _, report in found.values()]
    values: dict[str, Any] = {"what": "network", "name": name}
    more, losses = _measured("test_loss", [worth.test_loss for worth in worths])
    values |= more
    cells = [labels.WEIGHT_PRUNING.get(name, name), layout.number(summary(losses).mean, 3)]
    for rule in RULES[:1] if before else RULES:
        counts = [
            report.unpruned.test if before else run.record.selection(rule).test
            for run, report in found.values()
        ]
        for column in ("n_correct", "n_examples"):
            told = " ".join(str(getattr(count, column)) for count in counts)
            values[f"{rule}_test_{column}"] = told
        shares = [100 * count.n_correct / count.n_examples for count in counts]
        more, accuracy = _measured(f"{rule}_accuracy_percent", shares)
        values |= more
        cells.append(layout.spread(summary(accuracy)))
    cells += [layout.NONE] * (5 - len(cells))
    loss, accuracy = (
        _printed(inputs, None if name == "dense" else f"{name}.{place}", quantity)
        for place, quantity in (("loss", "test_loss"), ("accuracy", "test_accuracy"))
    )
    values |= {"printed_test_loss": loss, "printed_accuracy_percent": 100 * accuracy}
    return values, Row((*cells, layout.number(loss, 3), layout.number(100 * accuracy)))


def build(inputs: Inputs) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        Runs of ``weight_pruning``, and the printed numbers.

    Returns
    -------
    Table
        One line a file, then one for the network before pruning, after it, and fine-tuned without it.

    References
    ----------
    Seed 002, weight pruning.
    """
    found = [report for _, report in reports(inputs, "pruned").values()]
    made = [_file(inputs, found, line) for line in FILES]
    worths = [_worth(inputs, name) for name in NETWORKS]
    body = [row for _, row in made] + [_WORTH] + [row for _, row in worths]
    frame = pd.DataFrame([values for values, _ in (*made, *worths)])
    return Table(frame, COLUMNS, HEADER, tuple(body), _notes(inputs, found))


def _notes(inputs: Inputs, found: list[SizesReport]) -> tuple[str, ...]:
    network = labels.PRUNINGS["cnn_training"]
    facts = of_runs(sizes.EXPERIMENT, network, inputs.runs)
    ran = " ".join(sentences([facts])) or f"Weight pruning was {layout.NOT_RUN} at this scale."
    asked = sorted({(one.schedule[0].share, one.schedule[-1].share) for one in found})
    shares = "; ".join(f"{100 * low:g} % to {100 * high:g} %" for low, high in asked)
    pruned = f" Pruned from {shares} of each convolution and linear layer." if asked else ""
    return (
        f"Scale {inputs.scale}: {inputs.title.rstrip('.')}. {ran}{pruned}",
        "MiB: 2²⁰ bytes of files that were written. As it is: by torch.save, or in the sparse format. "
        "Times unpruned: the file as it is, over that of the unpruned weights. Masks are numbers in "
        "single precision, as the source's tool keeps them. Networks: loss and accuracy in % on the "
        "test set; with several seeds: mean ± sample standard deviation, sizes and losses are means.",
        f"Printed: in the source ({inputs.reported.documents[SEED].source}), which does not name its "
        "network, data or protocol. That its pruned file holds masks and an optimizer's state is our "
        "reading of its size; that the state is zero where a weight is pruned, which it is not in our "
        "training, of what zip leaves of it. So its sizes stand beside both.",
    )
