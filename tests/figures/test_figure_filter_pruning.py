"""The histograms of filter pruning show the counts that they are given."""

from collections.abc import Iterator
from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

import fake_filters
from partial_backprop.figures import figure_filter_pruning as module
from partial_backprop.figures import style


@pytest.fixture(autouse=True)
def the_style() -> Iterator[None]:
    with style.applied():
        yield


def heights(panel: Axes, color: str) -> np.ndarray:
    (found,) = [
        patch for patch in panel.patches
        if to_rgba(color) in (to_rgba(patch.get_edgecolor()), to_rgba(patch.get_facecolor()))
    ]  # fmt: skip
    return found.get_data().values


def said(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def test_half_of_the_filters_are_zero_throughout():
    panels = module.draw(fake_filters.inputs()).axes
    assert len(panels) == 6
    for panel in panels[:3]:
        found = heights(panel, module.LOOKS["group_filters"].color)
        assert (found[0], found[-1], found.sum()) == (50, 50, 100)
        found = heights(panel, module.LOOKS["plain"].color)
        assert (found[0], found.sum()) == (100, 100)
    signed = heights(panels[4], module.LOOKS["plain"].color)
    assert signed[10] == 100  # every second weight is negative: from 50 to 55 %


def test_the_printed_counts_are_drawn_below():
    inputs = fake_filters.inputs()
    panels = module.draw(inputs).axes
    found = heights(panels[5], style.FAINT)
    assert found.sum() == pytest.approx(100)
    counts = inputs.reported.entry("002", "filters.1.by_filter.conv3_1.weight").values.values()
    wholly = sum(count >= 0.95 * 1152 for count in counts)
    assert found[-1] == pytest.approx(100 * wholly / 256)
    assert all(
        to_rgba(style.FAINT) != to_rgba(patch.get_facecolor()) for patch in panels[0].patches
    )


def test_filters_of_all_seeds_are_taken_together():
    runs = fake_filters.inputs((0, 1)).runs
    shares = module.shares(runs, "group_filters", "conv2_1.weight", "zeros_by_filter")
    assert shares.tolist() == ([100.0] * 4 + [0.0] * 4) * 2
    assert not len(module.shares(runs, "other", "conv2_1.weight", "zeros_by_filter"))


def test_what_did_not_run_is_said():
    figure = module.draw(fake_filters.inputs(()))
    assert all("not run" in said(panel) for panel in figure.axes)


def test_a_part_of_the_arms_is_enough():
    figure = module.draw(fake_filters.inputs(without=["plain", "as_printed", "group_channels"]))
    FigureCanvasAgg(figure).draw()
    assert "without penalty" not in said(figure)


def test_the_data_set_that_ran_is_named_and_texts_stay_inside():
    figure = module.draw(fake_filters.inputs((0, 1)))
    assert "on scenes" in said(figure)
    assert "CIFAR" not in said(figure)
    FigureCanvasAgg(figure).draw()
    shown = [*figure.legends[0].get_texts(), figure._supxlabel]
    for panel in figure.axes:
        shown += [panel._left_title, panel.xaxis.label, panel.yaxis.label]
    for text in shown:
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0, text.get_text()
        assert box.x1 <= figure.bbox.x1, text.get_text()
    titles = [panel._left_title.get_window_extent() for panel in figure.axes]
    for left, right in pairwise(titles):
        assert not left.overlaps(right)
