"""Claims of the sources: what they report against what was measured, with intervals and verdicts."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from partial_backprop.figures import style
from partial_backprop.inputs import Inputs
from partial_backprop.report.ledger import ledger
from partial_backprop.report.verdict import Judgement

VERDICTS = {
    "reproduced": ("#0072B2", "o"),
    "contradicted": ("#D55E00", "s"),
    "undecided": (style.NEUTRAL, "^"),
    "not run": (style.FAINT, ""),
}
"""Verdict -> colour and marker; errors of arithmetic have nothing to draw."""
ROW_IN = 0.165
POINTS, SHARES = "difference (percentage points; BLEU × 100)", "share or accuracy (%)"
TICKS = {POINTS: (-100, -10, -2, -1, 0, 1, 2, 10), SHARES: (0, 20, 40, 60, 80, 100)}
SIDES = {"left": 0.335, "right": 0.69}
"""Room for names and words beside the panels, as shares of the width."""
SHOWN_TAGS = ("stand-in", "copy", "shortened")


def draw(inputs: Inputs) -> Figure:
    """Draw the claims that have a short name."""
    drawn = [found for found in ledger(inputs) if found.claim.short]
    if not drawn:
        figure, ((panel,),) = style.panels([style.EMPTY_ROW_IN], 1, 0.2)
        style.say(panel, "no claims")
        return figure
    rows = {
        POINTS: _rows([found for found in drawn if found.claim.base]),
        SHARES: _rows([found for found in drawn if not found.claim.base]),
    }
    heights = [ROW_IN * (len(lines) + 1) for lines in rows.values()]
    height_in = sum(heights) + 1.25
    figure = Figure(figsize=(style.WIDTH_IN, height_in))
    edges = {"top": 1 - 0.35 / height_in, "bottom": 0.4 / height_in, "hspace": 0.15}
    panels = figure.subplots(2, 1, height_ratios=heights, gridspec_kw=SIDES | edges)
    for panel, (unit, lines) in zip(panels, rows.items(), strict=True):
        _panel(panel, unit, lines)
    figure.legend(
        handles=_legend(), loc="upper center", ncols=6, handlelength=1.8, columnspacing=1.4
    )
    return figure


def _rows(drawn: Sequence[Judgement]) -> list[Judgement | str]:
    """Claims under the titles of their sources."""
    lines: list[Judgement | str] = []
    for title in dict.fromkeys(found.source.title for found in drawn):
        lines += [title, *(found for found in drawn if found.source.title == title)]
    return lines


def _panel(panel: Axes, unit: str, lines: Sequence[Judgement | str]) -> None:
    names = []
    for row, line in enumerate(lines):
        names.append(line if isinstance(line, str) else line.claim.short)
        if isinstance(line, str):
            panel.axhline(row, color=style.FAINT, linewidth=0.4)
        else:
            _claim(panel, row, line)
    panel.set_ylim(len(lines) - 0.5, -0.5)
    panel.set_yticks(range(len(lines)), names, fontsize=7)
    for line, label in zip(lines, panel.get_yticklabels(), strict=True):
        label.set_fontweight("bold" if isinstance(line, str) else "normal")
    panel.tick_params(axis="y", length=0)
    if unit == POINTS:
        panel.set_xscale("symlog", linthresh=2, linscale=2)
        panel.axvline(0, color=style.NEUTRAL, linewidth=0.5)
    ticks = TICKS[unit]
    panel.set_xlim(ticks[0], ticks[-1] * (1.3 if unit == POINTS else 1.02))
    panel.set_xticks(ticks, [f"{tick:g}".replace("-", "−") for tick in ticks])
    panel.set_xticks([], minor=True)
    panel.set_xlabel(unit)


def _claim(panel: Axes, row: int, found: Judgement) -> None:
    color, marker = VERDICTS[found.verdict]
    scale = 100 if found.claim.what.metric.startswith("bleu") else 1
    aim = found.reported if not math.isnan(found.reported) else found.claim.than
    if found.margin:
        low, high = (scale * (aim + sign * found.margin) for sign in (-1, 1))
        panel.fill_betweenx([row - 0.4, row + 0.4], low, high, color="#E5E5E5", linewidth=0)
    if not math.isnan(found.low):
        panel.plot([scale * found.low, scale * found.high], [row, row], color=color, linewidth=1.4)
    if not math.isnan(found.estimate):
        face = "white" if "stand-in" in found.tags else color
        panel.plot(
            [scale * found.estimate], [row], marker=marker, color=color, markersize=4.5,
            markerfacecolor=face, clip_on=False,
        )  # fmt: skip
    if not math.isnan(found.reported):
        panel.plot(
            [scale * found.reported], [row], marker="D", markersize=4.5, linestyle="none",
            markerfacecolor="none", markeredgecolor="black", markeredgewidth=0.8,
        )  # fmt: skip
    words = [f"{found.n_seeds} seed{'s' if found.n_seeds > 1 else ''}"] if found.n_seeds else []
    words += [found.reason.replace("_", " ") if found.reason else found.verdict]
    words += ["images only"] if found.method == "images" else []
    words += [tag for tag in SHOWN_TAGS if tag in found.tags]
    if found.verdict == "not run":
        words = ["not run"]
    panel.annotate(
        ", ".join(words), (1.02, row), xycoords=("axes fraction", "data"), va="center", fontsize=6.5,
        color=color if marker else style.NEUTRAL,
    )  # fmt: skip


def _legend() -> list[object]:
    shapes = {name: look for name, look in VERDICTS.items() if look[1]}
    handles: list[object] = [
        Line2D([], [], color=color, marker=marker, markersize=4.5, label=name)
        for name, (color, marker) in shapes.items()
    ]
    hollow = {"marker": "D", "markerfacecolor": "none", "markeredgecolor": "black"}
    handles.append(Line2D([], [], linestyle="none", **hollow, markersize=4.5, label="reported"))
    return [*handles, Patch(color="#E5E5E5", label="margin")]
