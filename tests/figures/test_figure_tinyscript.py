"""The figure of few bits shows the records' histograms, levels and accuracies."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import fake_tinyscript
from partial_backprop.figures import figure_tinyscript


def test_panels_show_the_layer_with_the_most_weights():
    figure = figure_tinyscript.draw(fake_tinyscript.inputs())
    for panel, kind in zip(figure.axes, ("input", "gradient"), strict=False):
        assert panel.get_title().startswith(f"fc, {kind}")
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


def test_texts_stay_inside():
    figure = figure_tinyscript.draw(fake_tinyscript.inputs())
    FigureCanvasAgg(figure).draw()
    titles = [panel.title for panel in figure.axes] + [panel._left_title for panel in figure.axes]
    for text in [*titles, *figure.legends[0].get_texts()]:
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0, text.get_text()
        assert box.x1 <= figure.bbox.x1, text.get_text()


def test_nothing_ran():
    figure = figure_tinyscript.draw(fake_tinyscript.inputs(arms=()))
    assert all(panel.texts[0].get_text() == "not run" for panel in figure.axes)
