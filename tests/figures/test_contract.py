"""What holds of every figure, whatever ran."""

from itertools import pairwise

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from tests import everything
from tests.figures.shown import placed, said

from partial_backprop import artifacts
from partial_backprop.figures import style
from partial_backprop.inputs import Inputs

NAMES = artifacts.names("figures")
OF_NO_RUN = {"figure_1"}
"""Explains; shows no data."""
SOURCES_DATA = ("CIFAR", "MNIST", "Flickr8k")
"""What the made-up data stand for and must not be called."""


def draw(name: str, inputs: Inputs) -> Figure:
    figure = artifacts._figure(name).draw(inputs)
    FigureCanvasAgg(figure).draw()
    return figure


@pytest.fixture(scope="module")
def drawn(full: Inputs) -> dict[str, Figure]:
    with style.applied():
        return {name: draw(name, full) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_it_fits_the_page_and_texts_stay_inside(name: str, drawn: dict[str, Figure]) -> None:
    figure = drawn[name]
    assert figure.get_figwidth() == style.WIDTH_IN
    assert figure.get_figheight() < 8.2  # the page's 9.2 inches, less a caption
    shown = placed(figure)
    assert shown
    for text in shown:
        box = text.get_window_extent()
        assert figure.bbox.padded(2).containsx(box.x0), text
        assert figure.bbox.padded(2).containsx(box.x1), text
        assert figure.bbox.padded(2).containsy(box.y0), text
        assert figure.bbox.padded(2).containsy(box.y1), text


@pytest.mark.parametrize("name", NAMES)
def test_titles_of_neighbours_do_not_overlap(name: str, drawn: dict[str, Figure]) -> None:
    titles = [panel._left_title for panel in drawn[name].axes if panel._left_title.get_text()]
    for left, right in pairwise(title.get_window_extent() for title in titles):
        assert not left.overlaps(right)


@pytest.mark.parametrize("name", NAMES)
def test_stand_ins_are_called_by_their_own_names(name: str, drawn: dict[str, Figure]) -> None:
    assert not [word for word in SOURCES_DATA if word in said(drawn[name])]


@pytest.mark.parametrize("name", sorted({*NAMES} - OF_NO_RUN))
def test_what_did_not_run_is_said(name: str, full: Inputs, drawn: dict[str, Figure]) -> None:
    empty = draw(name, everything.nothing(full))
    assert all("not run" in said(panel) for panel in empty.axes if panel.axison or panel.texts)
    assert "not run" in said(empty) or name == "figure_claims"
    assert "not run" not in said(drawn[name])


@pytest.mark.parametrize("position", [0, -1])
@pytest.mark.parametrize("name", NAMES)
def test_a_part_of_the_arms_is_enough(name: str, position: int, full: Inputs) -> None:
    draw(name, everything.partly(full, position))
