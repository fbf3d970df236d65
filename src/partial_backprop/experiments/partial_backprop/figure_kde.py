"""Density of gradient magnitudes and the thresholds upon it (pb2020, section 3.1)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from partial_backprop.experiments.partial_backprop import cnns
from partial_backprop.facts import of_sample
from partial_backprop.figures import style
from partial_backprop.gradients import GradientSample
from partial_backprop.inputs import Inputs

CURVE = style.ARMS["fb"].color
_TWEAKED = (0, (4, 1.5))
_OTSU = (0, (1, 1))
_N_POINTS = 600
_CURVE_SHARE = 0.78  # of a panel's height; the rest is for labels


def draw(inputs: Inputs) -> Figure:
    """Draw each network's density, from its lowest seed, with the thresholds and what lies below them."""
    # The estimate is a density per unit of magnitude (pb2020, equation 1). It is drawn per decade,
    # x ln(10) f(x), so that equal areas under the curve are equal shares of the weights.
    first = {}
    for sample in sorted(inputs.gradients, key=lambda sample: sample.seed):
        first.setdefault(sample.experiment, sample)
    drawn = [(name, first[name]) for name in cnns.CNNS if name in first]
    if not drawn:
        return style.not_run("densities of gradients")
    figure, panels = style.grid(len(drawn), 2, 1.8, 0.4)
    for panel, (experiment, sample), letter in zip(panels, drawn, "abcd", strict=False):
        printed = inputs.reported.entry("001", f"table_1.{experiment}").values["threshold"]
        _density(panel, sample, printed)
        facts = of_sample(cnns.CNNS[experiment], sample)
        panel.set_title(f"({letter}) {facts.heading()}")
        panel.set_xlabel("|gradient| / learning rate")
        panel.set_ylabel("density per decade")
    handles = [
        Line2D([], [], color=CURVE, label="density"),
        Patch(color=CURVE, alpha=0.15, label="high-likelihood range"),
        Line2D([], [], color=style.FROZEN, linestyle=_TWEAKED, label="PB's threshold"),
        Line2D([], [], color=style.OTSU, linestyle=_OTSU, linewidth=1.8, label="Otsu's"),
        Line2D([], [], color=style.NEUTRAL, linewidth=0.9, label="the source's"),
    ]
    style.legend_above(figure, handles, 5)
    return figure


def _density(panel: Axes, sample: GradientSample, printed: float) -> None:
    grid = np.array(sample.density.grid) / sample.learning_rate
    per_unit = np.array(sample.density.density) * sample.learning_rate
    # An equidistant grid has most of its points where a logarithmic axis has least room.
    x = np.geomspace(grid[grid > 0][0], grid[-1], _N_POINTS)
    per_decade = np.interp(x, grid, per_unit) * x * np.log(10)
    panel.plot(x, per_decade, color=CURVE)
    panel.set_xscale("log")
    low, high = (
        max(end / sample.learning_rate, x[0]) for end in (sample.density.low, sample.density.high)
    )
    inside = (x >= low) & (x <= high)
    panel.fill_between(x, per_decade, where=inside, color=CURVE, alpha=0.15, linewidth=0)
    density = sample.density
    marks = [
        (density.tweaked, "PB", density.share_below_tweaked, style.FROZEN, _TWEAKED, 1.3),
        (density.otsu, "Otsu", density.share_below_otsu, style.OTSU, _OTSU, 1.8),
    ]
    panel.axvline(printed, ymax=_CURVE_SHARE, color=style.NEUTRAL, linewidth=0.9, zorder=0)
    for (raw, name, share, color, linestyle, width), height in zip(marks, (1.0, 0.9), strict=True):
        at = raw / sample.learning_rate
        panel.axvline(at, ymax=_CURVE_SHARE, color=color, linestyle=linestyle, linewidth=width)
        # One label below the other, in the strip above the curve, so that close thresholds stay apart.
        text = f"{name}: {at:.2g}, {100 * share:.1f} % at or below"
        panel.text(
            0.02, height, text, transform=panel.transAxes, va="top", fontsize=7, color=color,
        )  # fmt: skip
    visible = x[per_decade > 1e-3 * per_decade.max()]
    ends = [printed, *(mark[0] / sample.learning_rate for mark in marks)]
    panel.set_xlim(min(visible[0], *ends) / 1.5, max(visible[-1], *ends) * 1.5)
    panel.set_ylim(0, per_decade.max() / _CURVE_SHARE)
