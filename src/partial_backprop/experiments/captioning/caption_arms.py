"""Which runs that caption images are shown (pb2020, section 4.2)."""

import dataclasses
from collections.abc import Iterable, Sequence

from partial_backprop import facts
from partial_backprop.facts import Facts
from partial_backprop.inputs import Run
from partial_backprop.measurements import captions
from partial_backprop.measurements.captions import (
    AS_IN_SOURCE,
    EXPERIMENT,
    CaptionReport,
)

ARMS = ("fb", "pb", "pb_gradient", "pb_random")
"""Arms in the order in which they are printed."""

DECODINGS = {"teacher": "teacher-forced", "greedy": "greedy", "beam": "beam search"}
"""Way of decoding -> its name in print."""

NETWORK = "Decoder with attention"
"""Name in print of what is trained."""


def experiment(runs: Iterable[Run]) -> str:
    """Choose the experiment with the source's epochs where both its FB and PB ran, else the other."""
    arms = {run.record.arm for run in runs if run.record.experiment == AS_IN_SOURCE}
    return AS_IN_SOURCE if {"fb", "pb"} <= arms else EXPERIMENT


def reports(runs: Sequence[Run]) -> list[tuple[Run, CaptionReport]]:
    """Find the runs that captioned images, with their reports."""
    shown = experiment(runs)
    return [(run, captions.of(run.record)) for run in runs if run.record.experiment == shown]


def about(runs: Sequence[Run]) -> Facts | None:
    """Collect the facts of the runs."""
    found = facts.of_runs(experiment(runs), NETWORK, runs)
    return found and dataclasses.replace(found, epochs=None)
