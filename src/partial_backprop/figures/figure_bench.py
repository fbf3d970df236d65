"""How time grows: with weights, with records, with jobs; and what frozen weights save."""

from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from partial_backprop.figures import style
from partial_backprop.figures.style import Look
from partial_backprop.inputs import Inputs
from partial_backprop.performance import COMMAND, Curve, Performance

LOOKS = tuple(style.ARMS.values())
"""In their order, for the curves of a panel."""

_HEIGHT_IN = 2.0
_HEADROOM, _LOG_HEADROOM = 1.8, 10
"""Factors on the upper end of a linear and of a logarithmic axis, for the legend above the curves."""


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
    shares = _shares(found.get("active_optimizer"))
    n_panels = len(shown) + len(shares)
    if not n_panels:
        figure, ((only,),) = style.panels([style.EMPTY_ROW_IN], 1, 0.2)
        style.say(only, f"not run: {COMMAND}")
        return figure
    n_rows = -(-n_panels // 2)
    figure, grid = style.panels([_HEIGHT_IN] * n_rows, 2, 0.4)
    places = iter(grid.flat)
    for panel, curves in shown:
        axes = next(places)
        _plot(axes, curves)
        axes.set(xscale="log", yscale="log", xlabel=panel.xlabel, ylabel=_ylabel(panel.unit))
        axes.set_ylim(top=_LOG_HEADROOM * axes.get_ylim()[1])
        axes.set_title(panel.title)
    for unit, curves in shares.items():
        axes = next(places)
        _plot(axes, curves)
        axes.axhline(1, color=style.FAINT, linewidth=0.8, zorder=0)
        axes.set(xlabel=curves[0].axis, ylabel=_ylabel(unit))
        axes.set_ylim(0, _HEADROOM * axes.get_ylim()[1])
        axes.set_title("frozen weights")
    for axes in places:
        axes.set_axis_off()
    style.footer(figure, sorted({_machine(one) for one in found.values() if one.curves}))
    return figure


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
    axes.legend(fontsize=7)


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
