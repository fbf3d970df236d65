"""The figures of Labs 2 and 3 show the data that they are given."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tests import fake_labs

from partial_backprop.experiments.pruning_quantization import figure_lab2, figure_lab3, lab_marks
from partial_backprop.figures import style

MODULES = (figure_lab2, figure_lab3)
LAB2, LAB3 = fake_labs.ARMS


def drawn(panel: Axes, *, hollow: bool) -> list[list[tuple[float, float]]]:
    """Points of the curves, or of the printed numbers; levels are left out."""
    return [
        list(zip(map(float, line.get_xdata()), map(float, line.get_ydata()), strict=True))
        for line in panel.lines
        if (line.get_markerfacecolor() == "none") == hollow and line.get_marker() != "None"
        if line.get_label() != "_break"
    ]


def test_figure_lab2_draws_accuracies_by_sparsity() -> None:
    inputs = fake_labs.inputs(seeds=(0, 2))
    accuracy, _ = figure_lab2.draw(inputs).axes
    measured = drawn(accuracy, hollow=False)
    assert measured[0] == [(0, 90), (40, 85), (60, 70), (80, 20)]
    assert measured[1] == [(0, 90), (40, 87), (60, 75), (80, 30)]
    # Means over two seeds, the second of which made-up runs give two points more.
    assert np.allclose(measured[2:], [[(77, 81)], [(80, 83)], [(83, 85)]])
    ranges = [segment for one in accuracy.collections for segment in one.get_segments()]
    ends = [tuple(segment[:, 1]) for segment in ranges if segment[0, 1] != segment[1, 1]]
    assert np.allclose(ends, [(80, 82), (82, 84), (84, 86)])
    (without,) = [points for points in drawn(accuracy, hollow=True) if len(points) > 1]
    assert np.allclose(without, [(0, 91.51), (40, 88.74), (60, 72.26), (80, 10.03)])


def test_figure_lab2_draws_the_zeros_of_the_right_layers() -> None:
    inputs = fake_labs.inputs()
    figure = figure_lab2.draw(inputs)
    _, zeros = figure.axes
    names = [text.get_text() for text in zeros.get_yticklabels()]
    assert len(names) == 20
    assert names[:3] == ["head_conv", "0.conv1", "0.conv2"]
    assert names[-1] == "final_fc"
    counts = [one for one in fake_labs.layer_counts("global", 0.8, None) if one.prunable]
    shares = [100 * one.n_zeros / one.n_weights for one in counts]
    _, over_all = drawn(zeros, hollow=False)
    assert np.allclose(over_all, [(share, row) for row, share in enumerate(shares)])
    _, printed = drawn(zeros, hollow=True)
    entries = inputs.reported.documents["003"].entries
    assert printed[0] == pytest.approx(
        (100 * entries["lab2_e.head_conv.0.conv"].values["sparsity"], 0)
    )
    assert printed[-1] == pytest.approx((15.78125, 19))
    low, high = zeros.get_ylim()
    assert low > high  # from the first layer down


def test_figure_lab3_draws_accuracies_by_bits() -> None:
    whole, pruned = figure_lab3.draw(fake_labs.inputs()).axes
    before, after = drawn(whole, hollow=False)
    assert before == [(2, 11), (3, 70), (4, 86), (5, 88), (6, 89)]
    assert after == [(2, 81), (3, 86), (4, 88)]
    kept, lost, tuned, lost_tuned, in_steps = drawn(pruned, hollow=False)
    assert kept == [(2, 12), (3, 65), (4, 82)]
    assert lost == [(2, 10), (3, 9), (4, 11)]
    assert tuned == [(2, 60), (3, 79), (4, 83)]
    assert (lost_tuned, in_steps) == ([(4, 76)], [(4, 83.5)])
    printed = drawn(pruned, hollow=True)
    assert np.allclose(printed[0], [(2, 10.26), (3, 10.17), (4, 10.0)])
    assert np.allclose(printed[2], [(4, 74.79)])
    levels = {line.get_ydata()[0] for line in pruned.lines if line.get_marker() == "None"}
    assert levels == {10, 84, lab_marks.BREAK}


def test_dashed_is_without_fine_tuning() -> None:
    whole, _ = figure_lab3.draw(fake_labs.inputs()).axes
    curves = [line for line in whole.lines if line.get_marker() != "None"]
    curves = [line for line in curves if line.get_label() != "_break"]
    before, after = (line for line in curves if line.get_markerfacecolor() != "none")
    assert before.get_linestyle() == "--"
    assert after.get_linestyle() == "-"


def test_what_is_compared_has_most_of_the_axis() -> None:
    panel = Figure().add_subplot()
    lab_marks.accuracy_axis(panel)
    heights = [panel.transScale.transform((0, percent))[1] for percent in (0, lab_marks.BREAK, 95)]
    assert heights == pytest.approx([0, 0.3, 1])


def test_close_points_have_labels_apart_in_their_order() -> None:
    panel = Figure().add_subplot()
    panel.set(xlim=(0, 1), ylim=(0, 1))
    points = [(1, 0.98, "high", "k"), (1, 0.50, "low", "k"), (1, 0.97, "second", "k")]
    style.direct_labels(panel, points, 0.1)
    heights = {text.get_text(): text.get_position()[1] for text in panel.texts}
    assert heights == pytest.approx({"low": 0.5, "second": 0.9, "high": 1.0})
