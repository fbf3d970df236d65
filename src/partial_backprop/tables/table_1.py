"""Table 1: FB against PB in one run on four networks (seed 001, Table 1)."""

import dataclasses

from partial_backprop import labels
from partial_backprop.facts import as_in_source
from partial_backprop.inputs import Inputs
from partial_backprop.tables import comparison
from partial_backprop.tables.layout import Table


def build(inputs: Inputs) -> Table:
    """Build the table from the lowest seed of each network.

    Parameters
    ----------
    inputs : Inputs
        Runs of the four networks, their gradient samples, and the printed numbers.

    Returns
    -------
    Table
        Three lines a network: paper's protocol, last epoch, printed numbers.

    Notes
    -----
    One run has no spread, so the difference stands without an interval: see table 2.

    References
    ----------
    Seed 001, section 4.1 and Table 1.
    """
    one_run = _lowest_seed(inputs)
    facts = as_in_source(one_run)
    frame = comparison.compare(one_run, "table_1")
    body = comparison.body(frame, facts, intervals=False)
    notes = comparison.notes(one_run, frame, facts)
    return Table(frame, comparison.COLUMNS, comparison.HEADER, body, notes)


def _lowest_seed(inputs: Inputs) -> Inputs:
    """Keep the lowest seed that both FB and PB have; where none has both, the lowest of all."""
    chosen = {}
    for experiment in (*labels.CNNS, *labels.AS_IN_SOURCE.values()):
        seeds: dict[str, set[int]] = {}
        for run in inputs.runs:
            if run.record.experiment == experiment:
                seeds.setdefault(run.record.arm, set()).add(run.record.seed)
        both = seeds.get("fb", set()) & seeds.get("pb", set())
        candidates = both or set().union(*seeds.values())
        if candidates:
            chosen[experiment] = min(candidates)
    return dataclasses.replace(
        inputs,
        runs=tuple(
            run for run in inputs.runs if chosen.get(run.record.experiment) == run.record.seed
        ),
        gradients=tuple(
            sample for sample in inputs.gradients if chosen.get(sample.experiment) == sample.seed
        ),
    )
