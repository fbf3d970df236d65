"""BLEU-1 to BLEU-4 of a captioning decoder under FB and PB (seed 001, Figure 5)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from partial_backprop import labels
from partial_backprop.figures import style
from partial_backprop.frames import caption_arms
from partial_backprop.frames.caption_arms import ARMS, DECODINGS
from partial_backprop.inputs import Inputs
from partial_backprop.intervals import summary
from partial_backprop.measurements.captions import ORDERS, SEED
from partial_backprop.report.frame import results, select

WIDTH = 0.8
"""Of the bars of one order together."""

PRINTED = ("fb", "pb")
"""Arms of which the source prints BLEU-4."""


def draw(inputs: Inputs) -> Figure:
    """Draw BLEU by order, arm and way of decoding.

    Parameters
    ----------
    inputs : Inputs
        Runs of ``captioning``, and the printed numbers.

    Returns
    -------
    Figure
        A panel for each way of decoding, on the test images against five references; bars are means
        over seeds, with the sample standard deviation. Hollow marks are printed in the source, in
        every panel, since it does not say to which they belong.

    References
    ----------
    Seed 001, Figure 5, of which the text gives BLEU-4 alone.
    """
    shown = [run for run, _ in caption_arms.reports(inputs.runs)]
    found, facts = results(shown).frame, caption_arms.about(inputs.runs)
    height = style.EMPTY_ROW_IN if facts is None else 2.0
    figure, panels = style.panels([height], len(DECODINGS), 0.85)
    for panel, letter, (decoding, name) in zip(panels[0], "abc", DECODINGS.items(), strict=True):
        if facts is None:
            style.say(panel, f"BLEU, {name}:\nnot run")
            continue
        panel.set_title(f"({letter}) {name}")
        _bars(panel, found, decoding)
        _printed(panel, inputs, _arms(found))
        panel.set_xticks(range(len(ORDERS)), [f"BLEU-{n}" for n in ORDERS])
        panel.set_ylim(0, _top(found))
        panel.tick_params(axis="x", length=0)
    if facts is not None:
        panels[0][0].set_ylabel("BLEU, five references")
        style.legend_above(figure, _legend(found), 5)
        style.footer(figure, caption_arms.lines(inputs.runs))
    return figure


def _arms(found: pd.DataFrame) -> list[str]:
    return [arm for arm in ARMS if found["arm"].eq(arm).any()]


def _places(n_arms: int) -> list[float]:
    """Centres of the bars, beside the order that they belong to."""
    return [WIDTH / n_arms * (place - (n_arms - 1) / 2) for place in range(n_arms)]


def _top(found: pd.DataFrame) -> float:
    """One scale for all panels, with room for the spread."""
    shown = found[found["metric"].eq("bleu_1") & found["references"].eq("five")]
    return 1.08 * float(shown["value"].max())


def _bars(panel: Axes, found: pd.DataFrame, decoding: str) -> None:
    arms = _arms(found)
    for arm, beside in zip(arms, _places(len(arms)), strict=True):
        at = {"arm": arm, "decoding": decoding, "references": "five"}
        over_seeds = [summary(select(found, f"bleu_{n}", **at)) for n in ORDERS]
        panel.bar(
            [n - 1 + beside for n in ORDERS],
            [one.mean for one in over_seeds],
            0.92 * WIDTH / len(arms),
            yerr=[one.std for one in over_seeds] if over_seeds[0].n > 1 else None,
            error_kw={"elinewidth": 0.8, "capsize": 1.2, "capthick": 0.8},
            color=style.ARMS[arm].color,
            label=labels.arm(arm),
        )


def _printed(panel: Axes, inputs: Inputs, arms: list[str]) -> None:
    places = dict(zip(arms, _places(len(arms)), strict=True))
    for arm in PRINTED:
        beside = places.get(arm, 0.0)
        value = inputs.reported.entry(SEED, f"captioning.{arm}").values["bleu_4"]
        look = style.ARMS[arm]
        panel.plot(
            [ORDERS[-1] - 1 + beside], [value], look.marker, markerfacecolor="white",
            markeredgecolor=style.NEUTRAL, markersize=4, zorder=5,
        )  # fmt: skip


def _legend(found: pd.DataFrame) -> list[object]:
    handles: list[object] = [
        Patch(color=style.ARMS[arm].color, label=labels.arm(arm)) for arm in _arms(found)
    ]
    hollow = {"markerfacecolor": "white", "markeredgecolor": style.NEUTRAL, "linestyle": "none"}
    return [*handles, Line2D([], [], marker="o", label="printed in the source", **hollow)]
