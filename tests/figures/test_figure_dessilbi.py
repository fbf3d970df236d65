"""The figure of DessiLBI shows the paths, courses and masks that it is given."""

from collections.abc import Iterator
from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import fake_inclusion
from partial_backprop.figures import dessilbi_marks, style
from partial_backprop.figures import figure_dessilbi as module
from partial_backprop.frames import inclusion_frames
from partial_backprop.frames.inclusion_arms import TICKETS, TUNED
from partial_backprop.measurements import inclusion
from partial_backprop.record import Record


@pytest.fixture(autouse=True)
def the_style() -> Iterator[None]:
    with style.applied():
        yield


@pytest.fixture(scope="module")
def inputs():
    return fake_inclusion.inputs()


def said(artist: Figure | Axes) -> str:
    return "\n".join(text.get_text() for text in artist.findobj(matplotlib.text.Text))


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


def test_what_did_not_run_is_said():
    figure = module.draw(fake_inclusion.inputs(()))
    assert len(figure.axes) == 8
    assert all("not run" in said(panel) for panel in figure.axes)


@pytest.mark.parametrize(
    "gone", [*TUNED.values(), "dessilbi_lenet3", "dessilbi_conv4", *TICKETS.values()]
)
def test_any_experiment_may_be_absent(gone):
    def there(record: Record) -> bool:
        return record.experiment != gone

    figure = module.draw(fake_inclusion.inputs(only=there))
    FigureCanvasAgg(figure).draw()
    if gone == "dessilbi_conv4":
        assert "Conv-2 on scenes" in said(figure.axes[1])


def test_the_data_set_that_ran_is_named_and_texts_stay_inside(inputs):
    figure = module.draw(inputs)
    assert "on scenes" in said(figure)
    assert "CIFAR" not in said(figure)
    assert "MNIST" not in said(figure)
    FigureCanvasAgg(figure).draw()
    shown = [figure._supxlabel]
    for panel in figure.axes:
        shown += [panel._left_title, panel.xaxis.label, panel.yaxis.label, *panel.texts]
        shown += panel.get_legend().get_texts() if panel.get_legend() else []
    for text in shown:
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0, text.get_text()
        assert box.x1 <= figure.bbox.x1, text.get_text()
        assert figure.bbox.y0 <= box.y0, text.get_text()
        assert box.y1 <= figure.bbox.y1, text.get_text()
    titles = [panel._left_title.get_window_extent() for panel in figure.axes]
    for left, right in pairwise(titles):
        assert not left.overlaps(right), [panel.get_title("left") for panel in figure.axes]
