"""The bars of filter pruning show the counts that they are given."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from tests import fake_filters

from partial_backprop import folders
from partial_backprop.experiments.filter_pruning import figure_filter_pruning as module
from partial_backprop.measurements import filters


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
        means = [np.mean(shares[arm]) for arm in folders.about("filter_pruning").arms]
        assert bars(figure, column) == pytest.approx(means)
    # Without zeros by magnitude, every second weight counts as one.
    place = list(folders.about("filter_pruning").arms).index("plain")
    assert bars(figure, "zeros_percent")[place] < 1 < 45 < bars(figure, "signed_percent")[place]


def test_the_printed_shares_are_lines():
    (panel,) = module.draw(fake_filters.inputs()).axes
    lines = [line.get_xdata()[0] for line in panel.lines if len(set(line.get_xdata())) == 1]
    assert lines == [74.103, 74.089]
