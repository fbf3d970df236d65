"""One plot style: sizes from the paper, one colour, line and marker for each arm in every figure.

The colours are those of Okabe and Ito, which people with any common colour blindness can tell
apart; lines and markers differ too, so that a grey print can be read.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import matplotlib
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTH_IN = 6.5
r"""``\textwidth`` of the paper, in inches."""

FROZEN = "#D55E00"
"""Frozen weights and the tweaked threshold."""

OTSU = "#CC79A7"
"""Otsu's threshold, everywhere."""

NEUTRAL = "#4D4D4D"
FAINT = "#BDBDBD"


class Look(NamedTuple):
    """How an arm is drawn."""

    color: str
    dashes: tuple[float, ...] | str
    """Line style as lengths of strokes and gaps, or ``solid``."""
    marker: str


ARMS = {
    "fb": Look("#0072B2", "solid", "o"),
    "pb": Look(FROZEN, (4, 1.5), "s"),
    "pb_gradient": Look("#009E73", (5, 1.5, 1, 1.5), "^"),
    "pb_otsu": Look(OTSU, (1, 1), "D"),
    "pb_random": Look("#E69F00", (2.5, 1), "v"),
    "pb_remask35": Look("#56B4E9", (6, 2, 2, 2), "P"),
    "pb_final_fb": Look("#000000", (1, 2.5), "X"),
    "pb_filters": Look("#F0E442", (3, 1, 1, 1), "<"),
    "fb_bf16": Look("#999999", (6, 1), ">"),
}


def linestyle(look: Look) -> Any:
    """Return an arm's line style as matplotlib takes it."""
    return "solid" if look.dashes == "solid" else (0, look.dashes)


def rc() -> dict[str, Any]:
    """Return the style as matplotlib's parameters, for `matplotlib.rc_context`."""
    return sns.axes_style("ticks") | {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same on every machine
        "mathtext.fontset": "dejavusans",
        "font.size": 8,
        "axes.titlesize": 8,
        "axes.labelsize": 8,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "legend.fontsize": 7.5,
        "legend.frameon": False,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.7,
        "lines.linewidth": 1.3,
        "lines.markersize": 3.5,
        "xtick.major.width": 0.7,
        "ytick.major.width": 0.7,
        "xtick.major.size": 3,
        "ytick.major.size": 3,
        "pdf.fonttype": 42,
        "savefig.dpi": 200,
        "savefig.facecolor": "white",
    }


@contextlib.contextmanager
def applied() -> Iterator[None]:
    """Draw and save inside this block: in the style, and otherwise with matplotlib's own defaults."""
    mine = {
        name: value
        for name, value in matplotlib.rcParamsDefault.items()
        if not name.startswith("backend") and matplotlib.rcParams[name] != value
    }
    with matplotlib.rc_context(mine | rc()):
        yield


EMPTY_IN = 0.6
"""Height of a figure that only says that nothing ran, in inches."""


def panels(
    row_heights_in: Sequence[float], n_columns: int, margin_in: float
) -> tuple[Figure, np.ndarray]:
    """Make a figure of the paper's width."""
    height_in = sum(row_heights_in) + margin_in
    figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.05)
    axes = figure.subplots(
        len(row_heights_in), n_columns, squeeze=False, height_ratios=row_heights_in
    )
    return figure, axes


def not_run(what: str) -> Figure:
    """Make a figure that only says what did not run."""
    figure, ((panel,),) = panels([EMPTY_IN], 1, 0.0)
    panel.set(xticks=[], yticks=[])
    panel.spines[:].set_visible(False)
    at = {"transform": panel.transAxes, "ha": "center", "va": "center"}
    panel.text(0.5, 0.5, f"{what}: not run", color=NEUTRAL, **at)
    return figure


def grid(
    n_panels: int, n_columns: int, height_in: float, margin_in: float
) -> tuple[Figure, list[Axes]]:
    """Make a figure with so many panels of one height, row by row."""
    n_columns = min(n_columns, n_panels)
    n_rows = -(-n_panels // n_columns)
    figure, found = panels([height_in] * n_rows, n_columns, margin_in)
    for panel in found.flat[n_panels:]:
        panel.set_axis_off()
    return figure, list(found.flat[:n_panels])


def legend_above(figure: Figure, handles: list[Any], n_columns: int) -> None:
    """Put one legend above all panels."""
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=n_columns,
        handlelength=2.6,
        columnspacing=1.6,
    )


def direct_labels(panel: Axes, labels: Sequence[tuple[float, float, str, str]], gap: float) -> None:
    """Name points (x, y, text, colour) right of a panel whose axes are set, `gap` of its height apart."""
    to_axes = panel.transData + panel.transAxes.inverted()
    heights = [to_axes.transform((x, y))[1] for x, y, *_ in labels]
    order = np.argsort(heights, kind="stable")
    placed: list[float] = []
    for height in np.array(heights)[order]:
        placed.append(max(height, placed[-1] + gap) if placed else height)
    # What was pushed out above goes down again, as far as its neighbours let it.
    limit = 1.0
    for place in reversed(range(len(placed))):
        placed[place] = min(placed[place], limit)
        limit = placed[place] - gap
    line = {"arrowstyle": "-", "linewidth": 0.5, "shrinkA": 0, "shrinkB": 3, "relpos": (0, 0.5)}
    for index, height in zip(order, placed, strict=True):
        x, y, text, color = labels[index]
        panel.annotate(
            text, (x, y), (1.03, height), textcoords="axes fraction", va="center", fontsize=7,
            color=color, arrowprops=line | {"color": color}, annotation_clip=False,
        )  # fmt: skip
