"""The figure of growth draws the curves that were measured."""

import dataclasses

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from tests import fake_performance

from partial_backprop.experiments.performance import figure_bench


def test_each_curve_is_in_its_panel():
    inputs = fake_performance.inputs()
    figure = figure_bench.draw(inputs)
    FigureCanvasAgg(figure).draw()
    growth = inputs.performance[0]
    shown = [axes for axes in figure.axes if axes.axison]
    titles = [axes.get_title(loc="left") for axes in shown]
    assert titles == ["making a mask", "an optimizer's step", "memory", "pipeline"]
    for axes, curve in zip(shown, growth.curves, strict=True):
        (container,) = axes.containers
        line = container.lines[0]
        assert np.array_equal(line.get_xdata(), [point.x for point in curve.points])
        assert np.array_equal(line.get_ydata(), [point.value.median for point in curve.points])
        assert axes.get_xscale() == axes.get_yscale() == "log"
    said = [text.get_text() for text in figure.findobj(matplotlib.text.Text)]
    assert "Processor of a test, 1 thread, torch 2.13.0" in said


def test_what_frozen_weights_save_comes_first():
    inputs = fake_performance.inputs()
    curve = fake_performance.curve("step_by_share", 1.0, 0.5, unit="×", axis="frozen share")
    active = inputs.performance[0].model_copy(
        update={"name": "active_optimizer", "curves": (curve,)}
    )
    both = (inputs.performance[0], active)
    figure = figure_bench.draw(dataclasses.replace(inputs, performance=both))
    first, *others = figure.axes
    assert first.get_xlabel() == "frozen share"
    assert first.get_ylabel() == "times FB's"
    assert len(others) == 4
