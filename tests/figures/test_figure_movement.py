"""The figure of how far weights went draws the bins of FB's record."""

import dataclasses
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from tests import everything, fakes

from partial_backprop.figures import figure_movement

NAMES = ("lenet5_mnist", "vgg19_cifar10")


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text)]


def test_the_median_of_each_bin_is_drawn_in_the_papers_units(tmp_path: Path) -> None:
    figure = figure_movement.draw(everything.measured(fakes.inputs(tmp_path, experiments=NAMES)))
    panel = figure.axes[0]
    other, median, threshold, zero, _ = panel.lines
    assert np.allclose(median.get_xdata(), np.sqrt([1e-11, 1e-9, 1e-7]) / 1e-3)
    assert np.allclose(median.get_ydata(), everything.MEDIANS[1:])
    assert np.allclose(other.get_ydata(), 1.1 * np.array(everything.MEDIANS[1:]))
    assert threshold.get_xdata()[0] == pytest.approx(0.04)
    assert zero.get_ydata()[0] == pytest.approx(everything.MEDIANS[0])
    assert zero.get_xdata()[0] < median.get_xdata()[0]
    assert any("25.0 % have" in text or "24.9 % have" in text for text in texts(figure))


def test_what_did_not_run_and_what_was_not_measured_are_told_apart(tmp_path: Path) -> None:
    inputs = fakes.inputs(tmp_path, experiments=["lenet5_mnist"])
    said = "\n".join(texts(figure_movement.draw(inputs)))
    assert said.count("not run") == 3
    assert "LeNet-5: not measured" in said


def test_the_experiment_with_the_split_of_the_source_is_preferred(tmp_path: Path) -> None:
    both = fakes.inputs(tmp_path, experiments=["lenet5_mnist", fakes.AS_IN_SOURCE])
    old = tuple(run for run in both.runs if run.record.experiment == "lenet5_mnist")
    new = tuple(
        run for run in everything.measured(both).runs if run.record.experiment != "lenet5_mnist"
    )
    figure = figure_movement.draw(dataclasses.replace(both, runs=old + new))
    assert figure.axes[3].lines
    assert "not measured" not in "\n".join(texts(figure))
