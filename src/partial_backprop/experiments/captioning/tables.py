"""Rows and words of the table of captions."""

import dataclasses
from typing import Any

from partial_backprop import facts, labels
from partial_backprop.errors import UserError
from partial_backprop.inputs import Run
from partial_backprop.measurements import captions
from partial_backprop.report import layout
from partial_backprop.report.tables import Context

ARMS = ("fb", "pb", "pb_gradient", "pb_random")
"""Arms in the order in which they are printed."""

NETWORK = "Decoder with attention"
ENCODERS = {
    "scene_cnn": "a small CNN",
    "efficientnet_lite0": "EfficientNet-Lite0, trained on ImageNet",
    "resnet101": "ResNet-101, trained on ImageNet",
}
"""Module of an encoder -> its name in print; any other is printed as it is."""


def _shown(context: Context) -> list[Run]:
    """Choose the runs with the source's number of epochs where both FB and PB have it, else the others."""
    own = {
        run.record.arm
        for run in context.results.runs
        if run.record.experiment == captions.AS_IN_SOURCE
    }
    shown = captions.AS_IN_SOURCE if {"fb", "pb"} <= own else captions.EXPERIMENT
    return [run for run in context.results.runs if run.record.experiment == shown]


def arms(context: Context, decoding: str) -> list[dict[str, Any]]:
    """List the arms that ran, the known ones in their order, then any other."""
    runs = _shown(context)
    decoded = context.results.frame["decoding"].eq(decoding)
    if not runs or not decoded.any():
        return []
    own = {run.record.arm for run in runs}
    first = decoding == "beam"  # where alone the weights are printed
    rows = [
        {
            "name": labels.arm(arm),
            "at": {"experiment": runs[0].record.experiment, "arm": arm},
            "csv": {"arm": arm},
            "blank": () if first else ("masked", "zeros", "unmoved"),
        }
        for arm in [*(arm for arm in ARMS if arm in own), *sorted(own - set(ARMS))]
    ]
    if first:
        control = dict(rows[0], name=f"{rows[0]['name']}, next image", skip=("one",))
        control["at"] = control["at"] | {"references": "shuffled"}
        rows.append(control | {"blank": ("masked", "zeros", "unmoved")})
    return rows


def words(context: Context) -> dict[str, str | None]:
    """Return what ran, with which encoder and which words."""
    inputs, runs = context.inputs, _shown(context)
    found: dict[str, str | None] = dict.fromkeys(
        ("encoder", "features", "rows", "columns", "words", "captions", "epochs")
    )
    scale = f"Scale {inputs.scale}: {inputs.title.rstrip('.')}."
    found["data"] = inputs.reported.entry(captions.SEED, "captioning.fb").data
    if not runs:
        absent = f"{labels.experiment(captions.EXPERIMENT)} was {layout.NOT_RUN} at this scale."
        return found | {"ran": f"{scale} {absent}", "beam": "Beam search"}
    reports = [captions.of(run.record) for run in runs]
    first = reports[0]
    for run, report in zip(runs, reports, strict=True):
        if report.encoder != first.encoder:
            raise UserError(
                f"{runs[0].path} and {run.path} differ in encoder and cannot be compared: delete "
                f"the outdated one and run {run.record.experiment} again"
            )
    # Early stopping may end the epochs.
    about = dataclasses.replace(
        facts.of_runs(runs[0].record.experiment, NETWORK, runs), epochs=None
    )
    lengths = sorted({len(report.epochs) for report in reports})
    widths = {report.beam for report in reports}
    return found | {
        "ran": f"{scale} {' '.join(facts.sentences([about]))}",
        "beam": f"Beam search, {first.beam} at a time" if len(widths) == 1 else "Beam search",
        "encoder": ENCODERS.get(first.encoder, first.encoder),
        "features": str(first.n_features),
        "rows": str(first.grid[0]),
        "columns": str(first.grid[1]),
        "words": f"{first.n_words:,}",
        "captions": f"{first.n_train_captions:,}",
        "epochs": " to ".join(str(one) for one in dict.fromkeys((lengths[0], lengths[-1]))),
    }
