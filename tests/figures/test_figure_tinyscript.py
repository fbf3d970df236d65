"""The figure of few bits shows the records' histograms, levels and accuracies."""

import numpy as np
import pytest
from tests import fake_tinyscript

from partial_backprop.experiments.tinyscript import figure_tinyscript


def test_panels_show_the_layer_with_the_most_weights():
    figure = figure_tinyscript.draw(fake_tinyscript.inputs())
    for panel, kind in zip(figure.axes, ("input", "gradient"), strict=False):
        assert panel.get_title("left").startswith(f"fc, {kind}")
        fitted, uniform, weibull = (line.get_xdata() for line in panel.lines)
        assert np.allclose(np.diff(uniform), 1 / 7)
        assert np.allclose(weibull, (np.arange(8) / 7) ** 2)
        assert 0 < fitted.min() < fitted.max() == 1
        (stairs,) = panel.patches
        heights, edges, _ = stairs.get_data()
        assert (heights * np.diff(edges)).sum() == pytest.approx(1)


def test_accuracy_against_bits():
    figure = figure_tinyscript.draw(fake_tinyscript.inputs())
    panel = figure.axes[2]
    for line, levels in zip(panel.lines, ("uniform", "weibull"), strict=False):
        expected = [fake_tinyscript.ACCURACY[f"{levels}_{bits}bit"] + 0.5 for bits in (2, 4)]
        assert list(line.get_ydata()) == expected
    assert panel.lines[-1].get_ydata()[0] == 80.5


@pytest.mark.parametrize("experiments", [("tinyscript",), ("tinyscript", "tinyscript_cifar10")])
def test_a_row_for_each_network(experiments):
    figure = figure_tinyscript.draw(fake_tinyscript.inputs(experiments=experiments))
    assert len(figure.axes) == 3 * len(experiments)
