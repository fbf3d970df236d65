"""BLEU-1 to BLEU-4 of a captioning decoder, as differences to FB (pb2020, Figure 5)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from partial_backprop import labels
from partial_backprop.experiments.captioning import caption_arms
from partial_backprop.experiments.captioning.caption_arms import ARMS, DECODINGS
from partial_backprop.figures import style
from partial_backprop.inputs import Inputs
from partial_backprop.measurements.captions import ORDERS, SEED
from partial_backprop.report.frame import results, select

BASE = "fb"
APART = 0.25
"""Between the marks of two arms, in units of the distance between two orders."""


def draw(inputs: Inputs) -> Figure:
    """Draw BLEU minus FB's of the same seed by order, arm and way of decoding.

    Large marks are means over seeds, small ones single seeds. The hollow mark is the source's BLEU-4 under PB
    minus that under FB, in every panel, since it does not say to which it belongs.
    """
    shown = [run for run, _ in caption_arms.reports(inputs.runs)]
    found, facts = results(shown).frame, caption_arms.about(inputs.runs)
    ran = {run.record.arm for run in shown}
    arms = [arm for arm in ARMS if arm != BASE and arm in ran]
    if facts is None:
        return style.not_run("BLEU of captions")
    figure, panels = style.panels([1.5], len(DECODINGS), 0.5)
    for panel, letter, (decoding, name) in zip(panels[0], "abc", DECODINGS.items(), strict=True):
        base = select(found, "bleu_4", arm=BASE, decoding=decoding, references="five")
        level = f"\nFB's BLEU-4: {100 * base.mean():.1f}" if len(base) else ""
        panel.set_title(f"({letter}) {name}{level}")
        for place, arm in enumerate(arms):
            _differences(panel, found, decoding, arm, APART * (place - (len(arms) - 1) / 2))
        _printed(panel, inputs)
        panel.axvline(0, color=style.NEUTRAL, linewidth=0.8, zorder=0)
        panel.set_yticks(range(len(ORDERS)), [f"BLEU-{n}" for n in ORDERS] if letter == "a" else [])
        panel.set_ylim(len(ORDERS) - 0.5, -0.5)
        panel.set_xlabel("minus FB (points)")
        panel.tick_params(axis="y", length=0)
    reach = 1.1 * max(abs(end) for panel in panels[0] for end in panel.get_xlim())
    for panel in panels[0]:
        panel.set_xlim(-reach, reach)
    style.legend_above(figure, _legend(arms), 4)
    figure.supxlabel(facts.heading(), fontsize=7, color=style.NEUTRAL)
    return figure


def _differences(panel: Axes, found: pd.DataFrame, decoding: str, arm: str, beside: float) -> None:
    look = style.ARMS[arm]
    mark = {"color": look.color, "marker": look.marker, "linestyle": "none"}
    for n in ORDERS:
        at = {"decoding": decoding, "references": "five"}
        of_arm, base = (select(found, f"bleu_{n}", arm=name, **at) for name in (arm, BASE))
        points = 100 * (of_arm - base).dropna()
        if points.empty:
            continue
        panel.plot(points.mean(), n - 1 + beside, markersize=5, **mark)
        if len(points) > 1:
            heights = [n - 1 + beside] * len(points)
            panel.plot(points, heights, markersize=2, alpha=0.5, zorder=1, **mark)


def _printed(panel: Axes, inputs: Inputs) -> None:
    fb, pb = (
        inputs.reported.entry(SEED, f"captioning.{arm}").values["bleu_4"] for arm in ("fb", "pb")
    )
    look = style.ARMS["pb"]
    panel.plot(
        100 * (pb - fb), len(ORDERS) - 1, look.marker, markerfacecolor="none",
        markeredgecolor=look.color, markersize=8, zorder=2,
    )  # fmt: skip


def _legend(arms: list[str]) -> list[Line2D]:
    filled = [
        Line2D(
            [], [], color=look.color, marker=look.marker, linestyle="none", label=labels.arm(arm)
        )
        for arm in arms
        if (look := style.ARMS[arm])
    ]
    look = style.ARMS["pb"]
    hollow = {"markerfacecolor": "none", "markersize": 6, "linestyle": "none"}
    name = "PB, printed in the source"
    return [*filled, Line2D([], [], color=look.color, marker=look.marker, label=name, **hollow)]
