"""What the paper says of the four networks: names for its templates, and numbers that the source prints."""

from collections.abc import Callable, Sequence
from typing import Any

from partial_backprop.experiments.partial_backprop.cnns import CNNS
from partial_backprop.inputs import Inputs
from partial_backprop.measurements import movement
from partial_backprop.paper.numbers import decimal, points
from partial_backprop.paper.text import Tex
from partial_backprop.report.verdict import Judgement
from partial_backprop.reported import Reported

_SUFFIXES = {name.partition("_")[0]: title for name, title in CNNS.items()}


def context(inputs: Inputs, ledger: Sequence[Judgement]) -> dict[str, Any]:
    """Arms and networks that ran, and what chooses networks by their verdicts."""
    runs = [run for run in inputs.runs if run.record.experiment in CNNS]
    ran = {run.record.experiment for run in runs}
    return {
        "arms": {run.record.arm for run in runs},
        "networks": [title for name, title in CNNS.items() if name in ran],
        "networks_where": _chooser(ledger),
    }


def _chooser(ledger: Sequence[Judgement]) -> Callable[..., list[str]]:
    def networks(claim: str, verdict: str, *reasons: str) -> list[str]:
        """Networks whose part of a claim, such as P4.vgg19 of P4, has a verdict, for any of some reasons."""
        parts = {f"{claim}.{suffix}": title for suffix, title in _SUFFIXES.items()}
        return [
            parts[found.id] + (" (one seed)" if "one seed" in found.tags else "")
            for found in ledger
            if found.id in parts
            and found.verdict == verdict
            and (not reasons or found.reason in reasons)
        ]

    return networks


def facts(reported: Reported) -> dict[str, Tex]:
    """Compute differences and raw thresholds from what the source prints."""
    found = {}
    rate = reported.entry("001", "training").values["learning_rate"]
    for table in ("table_1", "table_2"):
        for experiment in CNNS:
            values = reported.entry("001", f"{table}.{experiment}").values
            gap = values["pb_accuracy_percent"] - values["fb_accuracy_percent"]
            found[f"printed.{table}.{experiment}.difference"] = points(gap)
            found[f"printed.{table}.{experiment}.raw_threshold"] = decimal(
                values["threshold"] * rate
            )
    return found


def drawn(inputs: Inputs) -> dict[str, bool]:
    """Tell which figures show something."""
    sampled = {sample.experiment for sample in inputs.gradients}
    return {
        "figure_kde": bool(sampled),
        "figure_2": "vgg19_cifar10" in sampled,
        "figure_3": bool(inputs.runs),
        "figure_movement": any(movement.of(run.record) is not None for run in inputs.runs),
    }
