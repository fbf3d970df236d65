"""Figures show the data that they are given."""

import dataclasses
import itertools
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from tests import fakes
from tests.figures.shown import said

from partial_backprop.errors import UserError
from partial_backprop.experiments.partial_backprop import figure_1, figure_2, figure_3, figure_kde
from partial_backprop.figures import style


def test_figure_2_draws_the_counts_of_the_right_convolutions(tmp_path: Path) -> None:
    inputs = fakes.inputs(tmp_path, arms=[])
    figure = figure_2.draw(inputs)
    sample = next(s for s in inputs.gradients if (s.experiment, s.seed) == (figure_2.EXPERIMENT, 0))
    for panel, number in zip(figure.axes, (3, 7, 10, 13), strict=True):
        layer = next(layer for layer in sample.layers if layer.convolution == number)
        (stairs,) = [p for p in panel.patches if isinstance(p, matplotlib.patches.StepPatch)]
        drawn = stairs.get_data()
        assert tuple(drawn.values) == layer.counts
        assert np.allclose(drawn.edges, np.array(layer.edges) / 0.001)
        lines = sorted(line.get_xdata()[0] for line in panel.lines)
        assert lines == pytest.approx([-0.04, 0.04])
        assert panel.get_xlim() == figure.axes[0].get_xlim()
    share = 100 * sample.density.share_below_tweaked
    assert f"{share:.1f} %" in said(figure)
    assert "scenes" in said(figure)
    assert "CIFAR" not in said(figure)


def test_figure_2_needs_thirteen_convolutions(tmp_path: Path) -> None:
    inputs = fakes.inputs(tmp_path, arms=[], experiments=[figure_2.EXPERIMENT], seeds=(0,))
    (sample,) = inputs.gradients
    shallow = sample.model_copy(update={"layers": sample.layers[:8]})
    with pytest.raises(UserError, match="convolution"):
        figure_2.draw(dataclasses.replace(inputs, gradients=(shallow,)))


def test_figure_3_draws_means_and_single_seeds(tmp_path: Path) -> None:
    figure = figure_3.draw(fakes.inputs(tmp_path))
    assert len(figure.axes) == 4
    for panel, experiment in zip(figure.axes, fakes.EXPERIMENTS, strict=True):
        lines = iter(panel.lines)
        for arm in ("fb", "pb", "pb_random"):
            frames = [fakes.history(experiment, arm, seed, 12) for seed in (0, 1, 2)]
            shares = [100 * f["validation_n_correct"] / f["validation_n_examples"] for f in frames]
            mean = next(lines)
            assert np.allclose(mean.get_xdata(), np.arange(1, 13))
            assert np.allclose(mean.get_ydata(), np.mean(shares, axis=0))
            assert mean.get_color() == style.ARMS[arm].color
            for share in shares:
                assert np.allclose(next(lines).get_ydata(), share)
        assert next(lines).get_xdata()[0] == 2  # the mask


def test_figure_3_has_one_axis_for_what_saw_the_same_data(tmp_path: Path) -> None:
    *large, small = figure_3.draw(fakes.inputs(tmp_path)).axes
    assert len({panel.get_ylim() for panel in large}) == 1
    assert small.get_ylim() != large[0].get_ylim()


def test_figure_kde_marks_the_thresholds(tmp_path: Path) -> None:
    inputs = fakes.inputs(tmp_path, arms=[])
    figure = figure_kde.draw(inputs)
    for panel, experiment in zip(figure.axes, fakes.EXPERIMENTS, strict=True):
        curve, *marks = panel.lines
        tweaked = fakes.TWEAKED[experiment]  # the made-up sample has the source's
        places = [line.get_xdata()[0] for line in marks]
        assert places == pytest.approx([tweaked, tweaked, 1.8 * tweaked])
        # The area under a density per decade is the share of the weights: all of them.
        decades, height = np.log10(curve.get_xdata()), curve.get_ydata()
        assert np.trapezoid(height, decades) == pytest.approx(1, abs=0.01)
        low, high = panel.get_xlim()
        assert low < tweaked < 1.8 * tweaked < high


def test_figure_1_shows_that_frozen_is_not_zero(tmp_path: Path) -> None:
    figure = figure_1.draw(fakes.inputs(tmp_path, experiments=[]))
    full, choice, partial = figure.axes
    red = matplotlib.colors.to_rgba(style.FROZEN)

    def frozen(panel) -> int:
        return sum(matplotlib.colors.to_rgba(line.get_color()) == red for line in panel.lines)

    assert frozen(full) == 0
    assert frozen(partial) == len(figure_1.FROZEN)
    assert "−0.42 → −0.42" in said(figure)
    # What is frozen is drawn where gradients are small.
    small = [bar.get_x() for bar in choice.patches if bar.get_facecolor()[:3] == red[:3]]
    assert min(small) >= -figure_1.CUT - 0.2
    assert max(small) <= figure_1.CUT


def test_arms_differ_in_colour_line_and_marker() -> None:
    for one, other in itertools.combinations(style.ARMS.values(), 2):
        assert one.color != other.color
        assert one.dashes != other.dashes
        assert one.marker != other.marker


def test_networks_that_did_not_run_have_no_panel(tmp_path: Path) -> None:
    partly = fakes.inputs(tmp_path, experiments=["lenet5_mnist"])
    for module in (figure_3, figure_kde):
        assert len(module.draw(partly).axes) == 1
