"""How time grows: with weights, with records, with jobs; and what frozen weights save."""

from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from partial_backprop.figures import style
from partial_backprop.figures.style import Look
from partial_backprop.inputs import Inputs
from partial_backprop.performance import COMMAND, Curve, Performance

LOOKS = tuple(style.ARMS.values())
"""In their order, for the curves of a panel."""

SHARE = 0.8
"""Frozen share at which the cost is marked: about what the source freezes of VGG19."""
_HEIGHT_IN = 1.5
_HEADROOM = 3
"""Factor on the upper end of a logarithmic axis for each curve, for the legend above the curves."""


class Panel(NamedTuple):
    """Curves that are drawn together: those of one unit whose names begin alike."""

    benchmark: str
    prefixes: tuple[str, ...]
    unit: str
    title: str
    xlabel: str


PANELS = (
    Panel("growth", ("mask_",), "s", "making a mask", "weights"),
    Panel("growth", ("step_",), "s", "an optimizer's step", "weights"),
    Panel("growth", ("mask_", "step_"), "MiB", "memory", "weights"),
    Panel("growth", ("seeds_", "jobs_"), "s", "pipeline", "records or jobs"),
)


def draw(inputs: Inputs) -> Figure:
    """Draw what benchmarks found about growth."""
    found = {one.name: one for one in inputs.performance}
    shown = [(panel, curves) for panel in PANELS if (curves := _curves(found, panel))]
    shares = [
        curve for curves in _shares(found.get("active_optimizer")).values() for curve in curves
    ]
    if not shown and not shares:
        return style.not_run(COMMAND)
    heights = {_relative: 1.5} if shares else {}
    if shown:
        heights[_growth] = _HEIGHT_IN * -(-len(shown) // 2)
    figure = Figure(figsize=(style.WIDTH_IN, sum(heights.values()) + 0.2), layout="constrained")
    parts = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=list(heights.values()))
    for part, draw_part in zip(parts[:, 0], heights, strict=True):
        draw_part(part, shares if draw_part is _relative else shown)
    machines = sorted({_machine(one) for one in found.values() if one.curves})
    parts[-1, 0].supxlabel("; ".join(machines), fontsize=7, color=style.NEUTRAL)
    return figure


def _relative(part: SubFigure, curves: list[Curve]) -> None:
    axes = part.subplots()
    _plot(axes, curves)
    axes.axhline(1, color=style.FAINT, linewidth=0.8, zorder=0)
    axes.axvline(SHARE, color=style.FAINT, linewidth=0.8, zorder=0)
    at = {"transform": axes.get_xaxis_transform(), "ha": "center", "va": "bottom"}
    axes.text(SHARE, 1, f"{100 * SHARE:g} %", fontsize=7, **at)
    axes.set(xlabel=curves[0].axis, ylabel="times FB's", title="cost relative to FB")
    axes.set_ylim(0, None)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))


def _growth(part: SubFigure, shown: list[tuple[Panel, list[Curve]]]) -> None:
    grid = part.subplots(-(-len(shown) // 2), 2, squeeze=False)
    for axes in grid.flat[len(shown) :]:
        axes.set_axis_off()
    for axes, (panel, curves) in zip(grid.flat, shown, strict=False):
        _plot(axes, curves)
        axes.set(xscale="log", yscale="log", xlabel=panel.xlabel, ylabel=_ylabel(panel.unit))
        axes.set_ylim(top=_HEADROOM ** len(curves) * axes.get_ylim()[1])
        axes.set_title(panel.title)
        names = [container.get_label() for container in axes.containers]
        if len(panel.prefixes) == 1:  # whose title says what all its curves begin with
            names = [name.rpartition(", ")[2] for name in names]
        axes.legend(axes.containers, names, fontsize=7, loc="upper left", labelspacing=0.2)


def _curves(found: dict[str, Performance], panel: Panel) -> list[Curve]:
    curves = found[panel.benchmark].curves if panel.benchmark in found else ()
    return [one for one in curves if one.name.startswith(panel.prefixes) and one.unit == panel.unit]


def _shares(found: Performance | None) -> dict[str, list[Curve]]:
    curves: dict[str, list[Curve]] = {}
    for one in found.curves if found else ():
        curves.setdefault(one.unit, []).append(one)
    return curves


def _ylabel(unit: str) -> str:
    return {"s": "seconds", "×": "times FB's"}.get(unit, unit)


def _plot(axes: Axes, curves: list[Curve]) -> None:
    for curve, look in zip(curves, LOOKS * len(curves), strict=False):
        _line(axes, curve, look)


def _line(axes: Axes, curve: Curve, look: Look) -> None:
    values = [point.value for point in curve.points]
    bars = (
        [value.median - value.low for value in values],
        [value.high - value.median for value in values],
    )
    axes.errorbar(
        [point.x for point in curve.points],
        [value.median for value in values],
        yerr=bars,
        color=look.color,
        linestyle=style.linestyle(look),
        marker=look.marker,
        # A logarithmic axis has no place for nothing.
        label=curve.title if any(value.median for value in values) else f"{curve.title}: 0",
        elinewidth=0.8,
    )


def _machine(found: Performance) -> str:
    machine = found.machine
    version = machine.packages.get("torch", "absent")
    return f"{machine.device}, {machine.threads_in_words}, torch {version}"
