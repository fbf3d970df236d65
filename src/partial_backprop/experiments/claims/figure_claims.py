"""Claims of the sources: what they report against what was measured, with intervals and verdicts."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from partial_backprop import labels
from partial_backprop.figures import style
from partial_backprop.inputs import Inputs
from partial_backprop.report.ledger import ledger
from partial_backprop.report.verdict import Judgement

VERDICTS = {
    "reproduced": ("#0072B2", "o"),
    "contradicted": ("#D55E00", "s"),
    "undecided": (style.NEUTRAL, "^"),
}
"""Verdict -> colour and marker; errors of arithmetic have nothing to draw."""
POINTS, SHARES = "difference (percentage points; BLEU × 100)", "share or accuracy (%)"
TICKS = {POINTS: (-100, -10, -2, 0, 2, 10), SHARES: (0, 20, 40, 60, 80, 100)}
SIDES = {"left": 0.315, "right": 0.61}
"""Room for names and words beside the panels, as shares of the width."""
COLUMNS = {"n": 1.04, "data": 1.12, "verdict": 1.72}
"""Place of each column of words, in widths of a panel."""
ROWS_IN, MOST_IN = (0.115, 0.15), 4.9
"""Least and largest height of a row, and that of the figure if rows have not the least, in inches."""
_ELSE_IN = 1.05
"""Legend and axes, in inches."""


def draw(inputs: Inputs) -> Figure:
    """Draw the claims that have a short name and were measured: differences above, shares below.

    Hollow diamonds are reported; grey bands are margins, around what is reported or around zero; what was
    measured on a stand-in is hollow.
    """
    drawn = [found for found in ledger(inputs) if found.claim.short and found.verdict in VERDICTS]
    parts = {
        POINTS: _rows([found for found in drawn if found.claim.base]),
        SHARES: _rows([found for found in drawn if not found.claim.base]),
    }
    rows = {unit: lines for unit, lines in parts.items() if lines}
    if not rows:
        return style.not_run("claims")
    data = {run.record.experiment: run.record.data.name for run in inputs.runs if run.record.data}
    n_lines = sum(len(lines) + 1 for lines in rows.values())
    row_in = min(max(ROWS_IN[0], (MOST_IN - _ELSE_IN) / n_lines), ROWS_IN[1])
    height_in = row_in * n_lines + _ELSE_IN
    figure = Figure(figsize=(style.WIDTH_IN, height_in))
    edges = {"top": 1 - 0.4 / height_in, "bottom": 0.38 / height_in}
    heights = [len(lines) + 1 for lines in rows.values()]
    edges["hspace"] = 0.42 / (row_in * sum(heights) / len(heights))
    panels = figure.subplots(
        len(rows), 1, squeeze=False, height_ratios=heights, gridspec_kw=SIDES | edges
    )
    for panel, (unit, lines) in zip(panels[:, 0], rows.items(), strict=True):
        _panel(panel, unit, lines, data)
    for word, x in COLUMNS.items():
        panels[0, 0].annotate(
            word, (x, -0.8), xycoords=("axes fraction", "data"), va="bottom", fontsize=7
        )
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


def _panel(
    panel: Axes, unit: str, lines: Sequence[Judgement | str], data: Mapping[str, str]
) -> None:
    names = []
    for row, line in enumerate(lines):
        names.append(line if isinstance(line, str) else line.claim.short)
        if isinstance(line, str):
            panel.axhline(row, color=style.FAINT, linewidth=0.4)
        else:
            _claim(panel, row, line)
            _words(panel, row, line, data)
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
    panel.set_xlabel(unit, labelpad=1)


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


def _words(panel: Axes, row: int, found: Judgement, data: Mapping[str, str]) -> None:
    name = labels.data(data.get(found.claim.what.experiment, "")).partition(" at ")[0]
    name += "*" if "shortened" in found.tags else ""
    verdict = found.reason.replace("_", " ") or found.verdict
    verdict += ", one seed" if "one seed" in found.tags else ""
    words = {"n": str(found.n_seeds or ""), "data": name, "verdict": verdict}
    for column, text in words.items():
        panel.annotate(
            text, (COLUMNS[column], row), xycoords=("axes fraction", "data"), va="center",
            fontsize=7, color=VERDICTS[found.verdict][0],
        )  # fmt: skip


def _legend() -> list[object]:
    handles: list[object] = [
        Line2D([], [], color=color, marker=marker, markersize=4.5, label=name)
        for name, (color, marker) in VERDICTS.items()
    ]
    hollow = {"marker": "D", "markerfacecolor": "none", "markeredgecolor": "black"}
    handles.append(Line2D([], [], linestyle="none", **hollow, markersize=4.5, label="reported"))
    return [*handles, Patch(color="#E5E5E5", label="margin")]
