"""The bars of filter pruning show the counts that they are given."""

from collections.abc import Iterator
from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

import fake_filters
from partial_backprop.figures import figure_filter_pruning as module
from partial_backprop.figures import style
from partial_backprop.measurements import filters


@pytest.fixture(autouse=True)
def the_style() -> Iterator[None]:
    with style.applied():
        yield


def said(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def bars(figure: Figure, column: str) -> list[float]:
    color = to_rgba(module.COUNTS[column][1])
    return [bar.get_width() for bar in figure.axes[0].patches if bar.get_facecolor() == color]


def test_bars_are_the_counts_by_both_rules():
    inputs = fake_filters.inputs((0, 1))
    figure = module.draw(inputs)
    for column, count in (("zeros_percent", "n_zeros"), ("signed_percent", "n_signed")):
        shares = {}
        for run in inputs.runs:
            report = filters.of(run.record)
            share = 100 * report.total(count) / report.total("n_weights")
            shares.setdefault(run.record.arm, []).append(share)
        means = [np.mean(shares[arm]) for arm in module.ARMS]
        assert bars(figure, column) == pytest.approx(means)
    # Without zeros by magnitude, every second weight counts as one.
    place = list(module.ARMS).index("plain")
    assert bars(figure, "zeros_percent")[place] < 1 < 45 < bars(figure, "signed_percent")[place]


def test_the_printed_shares_are_lines():
    (panel,) = module.draw(fake_filters.inputs()).axes
    lines = [line.get_xdata()[0] for line in panel.lines if len(set(line.get_xdata())) == 1]
    assert lines == [74.103, 74.089]


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
