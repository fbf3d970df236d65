"""The figure of how far weights went draws the bins of FB's record."""

import dataclasses
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from tests import fakes

from partial_backprop.experiments.partial_backprop import figure_movement
from partial_backprop.inputs import Inputs
from partial_backprop.measurements.movement import KEY, BatchMovement, Bin, MovementReport

NAMES = ("lenet5_mnist", "vgg19_cifar10")
MEDIANS = (0.003, 0.002, 0.004)


def batch(number: int, scale: float) -> BatchMovement:
    ends = [(0, 0), (1e-6, 1e-5), (1e-5, 1e-4), (1e-4, 1e-3)]
    medians = (0.001, *MEDIANS)
    bins = [
        Bin(low=low, high=high, n=100, mean=m, quantiles=tuple(scale * m * np.arange(1, 6) / 3))
        for (low, high), m in zip(ends, medians, strict=True)
    ]
    few = Bin(low=1e-3, high=1e-2, n=2, mean=1.0, quantiles=(1.0,) * 5)
    return BatchMovement(batch=number, bins=(*bins, few), rank_correlation=-0.25, n_ranked=300)


def measured(inputs: Inputs) -> Inputs:
    report = MovementReport(
        epoch=2, batch_size=100, batches=(batch(0, 1), batch(1, 1.1)), sha256="0"
    ).model_dump(mode="json")
    runs = []
    for run in inputs.runs:
        record = run.record
        if record.arm == "fb":
            record = record.model_copy(update={"measurements": {KEY: report}})
        runs.append(dataclasses.replace(run, record=record))
    return dataclasses.replace(inputs, runs=tuple(runs))


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text)]


def test_the_median_of_each_bin_is_drawn_in_the_papers_units(tmp_path: Path) -> None:
    figure = figure_movement.draw(measured(fakes.inputs(tmp_path, experiments=NAMES)))
    panel = figure.axes[0]
    other, median, threshold, zero, _ = panel.lines
    assert np.allclose(median.get_xdata(), np.sqrt([1e-11, 1e-9, 1e-7]) / 1e-3)
    assert np.allclose(median.get_ydata(), MEDIANS)
    assert np.allclose(other.get_ydata(), 1.1 * np.array(MEDIANS))
    assert threshold.get_xdata()[0] == pytest.approx(0.04)
    assert zero.get_ydata()[0] == pytest.approx(0.001)
    assert zero.get_xdata()[0] < median.get_xdata()[0]
    assert any("25.0 % have" in text or "24.9 % have" in text for text in texts(figure))


def test_the_experiment_with_the_split_of_the_source_is_preferred(tmp_path: Path) -> None:
    both = fakes.inputs(tmp_path, experiments=["lenet5_mnist", fakes.AS_IN_SOURCE])
    old = tuple(run for run in both.runs if run.record.experiment == "lenet5_mnist")
    new = tuple(run for run in measured(both).runs if run.record.experiment != "lenet5_mnist")
    figure = figure_movement.draw(dataclasses.replace(both, runs=old + new))
    (panel,) = figure.axes
    assert len(panel.lines) > 2
