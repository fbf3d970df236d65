"""How much PB's mask depends on the batch that makes it, and on that batch's size (seed 001, section 3.2)."""

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from partial_backprop import labels
from partial_backprop.facts import all_cnns, sentences
from partial_backprop.inputs import Inputs
from partial_backprop.measurements import mask_stability
from partial_backprop.measurements.mask_stability import MaskStability, jaccard
from partial_backprop.tables import layout
from partial_backprop.tables.layout import Cell, Row, Table

ARM = "pb"
COLUMNS = "rrrrrrrr"
HEADER = (
    Row(("Batch", "", "Frozen", "Zeros", "Zeros under", Cell("Overlap of frozen weights", 3))),
    Row(
        ("size", "Masks", "(%)", "(%)", "PB's mask (%)", "with PB's", "by chance", "of two others")
    ),
)
_FIELDS = ("frozen_percent", "zeros_percent", "zeros_under_own_percent")
_OVERLAPS = ("overlap_own", "overlap_chance", "overlap_pairs")
_RAW = ("experiment", "status", "arm", "batch_size", "n_masks", "seeds", *_FIELDS, *_OVERLAPS)


def build(inputs: Inputs) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        Runs of the four networks.

    Returns
    -------
    Table
        A group of lines for each network whose PB keeps such a report; a line per batch size.

    References
    ----------
    Seed 001, section 3.2: the mask "depends on one batch in the third epoch, which makes it critical to
    have a reasonable batch size".
    """
    rows: list[dict[str, Any]] = []
    body: list[Row] = []
    facts = all_cnns(inputs)
    told = []
    for experiment, of_network in facts.items():
        found = {}
        for run in inputs.runs:
            if run.key[:2] == (experiment, ARM) and (report := mask_stability.of(run.record)):
                found[run.record.seed] = report
        if found:
            head = of_network.where()
            told.append(of_network)
        else:
            status = layout.NOT_MEASURED if of_network else layout.NOT_RUN
            head = f"{labels.experiment(experiment)}: {status}"
            rows.append({"experiment": experiment, "status": status})
        body.append(Row((Cell(head, len(COLUMNS), "l"),), italic=True, rule_above=bool(body)))
        for values in _lines(list(found.values())) if found else ():
            seeds = " ".join(map(str, found))
            rows.append(
                {"experiment": experiment, "status": "run", "arm": ARM, "seeds": seeds, **values}
            )
            shares = (layout.number(values[name]) for name in _FIELDS)
            overlaps = (layout.number(values[name], 3) for name in _OVERLAPS)
            size = str(values["batch_size"])
            body.append(Row((size, str(values["n_masks"]), *shares, *overlaps)))
    notes = (
        f"Scale {inputs.scale}: {inputs.title.rstrip('.')}. {' '.join(sentences(told))}",
        "Masks that other batches of the mask's epoch would have made, from the same weights and by the "
        "same criterion; none has an image in common with the batch that made PB's mask. Zeros: gradients "
        "of the batch that are zero under its own mask, the count of the source's listing; under PB's "
        "mask: as the listing counts them on later batches. Overlap: weights that both masks freeze over "
        "weights that either freezes; by chance: of two masks drawn by lot that freeze as many. Means "
        "over masks and seeds.",
    )
    return Table(pd.DataFrame(rows, columns=_RAW), COLUMNS, HEADER, tuple(body), notes)


def _lines(reports: Sequence[MaskStability]) -> Iterator[dict[str, Any]]:
    sizes = sorted({mask.batch_size for report in reports for mask in report.others})
    for size in sizes:
        masks = [(r, mask) for r in reports for mask in r.others if mask.batch_size == size]
        own, chance = [], []
        for report, mask in masks:
            n, first = report.n_weights, report.own.n_frozen
            own.append(jaccard(n, first, mask.n_frozen, mask.n_frozen_in_first)[0])
            chance.append(jaccard(n, first, mask.n_frozen, first * mask.n_frozen / n)[0])
        counts = {
            "frozen_percent": [mask.n_frozen / r.n_weights for r, mask in masks],
            "zeros_percent": [mask.n_zero_gradients / r.n_weights for r, mask in masks],
            "zeros_under_own_percent": [mask.n_zero_under_first / r.n_weights for r, mask in masks],
        }
        values = {name: 100 * statistics.fmean(shares) for name, shares in counts.items()}
        pairs = [overlap for report in reports for overlap in _pairs(report, size)]
        values |= {"overlap_own": statistics.fmean(own), "overlap_chance": statistics.fmean(chance)}
        values["overlap_pairs"] = statistics.fmean(pairs) if pairs else float("nan")
        yield {"batch_size": size, "n_masks": len(masks), **values}


def _pairs(report: MaskStability, size: int) -> Iterator[float]:
    n_frozen = {mask.start: mask.n_frozen for mask in report.others if mask.batch_size == size}
    for pair in report.pairs:
        if pair.batch_size == size:
            first, second = n_frozen[pair.first], n_frozen[pair.second]
            yield jaccard(report.n_weights, first, second, pair.n_frozen_in_both)[0]
