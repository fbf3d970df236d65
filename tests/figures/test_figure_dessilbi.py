"""The figure of DessiLBI shows the paths, courses and masks that it is given."""

import matplotlib
import numpy as np
import pytest
from tests import fake_inclusion
from tests.figures.shown import said

from partial_backprop.figures import dessilbi_marks
from partial_backprop.figures import figure_dessilbi as module
from partial_backprop.frames import inclusion_frames
from partial_backprop.frames.inclusion_arms import TICKETS
from partial_backprop.measurements import inclusion


@pytest.fixture(scope="module")
def inputs():
    return fake_inclusion.inputs()


def test_a_path_is_drawn_in_units_of_its_layer(inputs):
    panel = module.draw(inputs).axes[0]
    (run,) = [run for run in inputs.runs if run.record.experiment == "dessilbi_lenet3"]
    report = inclusion.of(run.record)
    assert len(panel.lines) == sum(len(one.drawn) for one in report.paths)
    heights = np.array([line.get_ydata() for line in panel.lines])
    assert heights.shape[1] == fake_inclusion.EPOCHS + 1
    assert (heights[:, 0] == 0).all()
    assert heights.max() == 1
    colors = [line.get_color() for line in panel.lines]
    assert list(dict.fromkeys(colors)) == [dessilbi_marks.color(n) for n in range(3)]
    first = np.array(report.paths[0].norms)
    drawn = heights[: first.shape[1], 1:].T
    assert np.allclose(drawn, first / first.max())


def test_courses_are_means_by_value(inputs):
    figure = module.draw(fake_inclusion.inputs((0, 1)))
    found = inclusion_frames.varied(fake_inclusion.inputs((0, 1)).runs, "nu")
    for panel, column in zip(
        figure.axes[3::2][:2], ("density_percent", "sparse_test_percent"), strict=True
    ):
        assert len(panel.lines) == 6
        own = found[found["network"].eq("vgg16") & found["nu"].eq(10)]
        expected = own.groupby("after")[column].mean()
        drawn = [line for line in panel.lines if np.allclose(line.get_ydata(), expected)]
        assert drawn, column
        assert list(drawn[0].get_xdata()) == list(range(1, 9))


def test_the_larger_the_value_the_lighter():
    colors = dessilbi_marks.scale([5.0, 1.0, 2.0, 1.0])
    assert list(colors) == [1, 2, 5]
    brightness = [sum(matplotlib.colors.to_rgb(color)) for color in colors.values()]
    assert brightness == sorted(brightness)


def test_filters_stand_in_their_order_of_entry(inputs):
    panel = module.draw(inputs).axes[6]
    steps = [text.get_text() for text in panel.texts]
    assert len(panel.images) == len(steps) == 12
    numbers = [int(step) for step in steps if step != "never"]
    assert numbers == sorted(numbers)
    assert steps[-1] == "never"
    assert "12 of 16 filters" in said(panel)


def test_every_mask_has_its_mark(inputs):
    panel = module.draw(inputs).axes[7]
    places = {tuple(float(one[0]) for one in line.get_data()) for line in panel.lines}
    found = inclusion_frames.tickets(
        [run for run in inputs.runs if run.record.experiment == TICKETS["vgg16"]]
    )
    last = found[found["rule"].eq("last")]
    expected = set(zip(last["density_percent"], last["test_percent"], strict=True))
    assert expected <= places
    assert len(panel.lines) == 6  # of two networks
