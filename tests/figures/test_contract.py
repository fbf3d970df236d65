"""What holds of every figure: it can be read, fits, names the data that ran, and says what did not."""

import dataclasses
import importlib
import itertools

import matplotlib
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from tests import everything

from partial_backprop import artifacts
from partial_backprop.figures import style
from partial_backprop.inputs import Inputs

pytestmark = pytest.mark.usefixtures("few_draws")
NAMES = artifacts.names("figures")
LEAST_PT = 7
DRAWN_FROM_RUNS = [name for name in NAMES if name != "figure_1"]
CLAIMED = ("figure_bench", "figure_claims")
"""Figures of more than made-up records: benchmarks, and printed numbers of real data."""


def draw(name: str, inputs: Inputs) -> Figure:
    figure = importlib.import_module(f"partial_backprop.{artifacts.figure_module(name)}").draw(
        inputs
    )
    FigureCanvasAgg(figure).draw()
    return figure


@pytest.fixture(scope="module")
def drawn(full: Inputs) -> dict[str, Figure]:
    with style.applied():
        return {name: draw(name, full) for name in NAMES}


def out_of_view(figure: Figure) -> set[int]:
    """Labels of ticks beyond the ends of an axis, and of axes that are switched off: they are not drawn."""
    hidden = set()
    for panel in figure.axes:
        for axis in (panel.xaxis, panel.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                if not (panel.axison and low <= tick.get_loc() <= high):
                    hidden |= {id(tick.label1), id(tick.label2)}
    return hidden


def texts(figure: Figure) -> list[matplotlib.text.Text]:
    hidden = out_of_view(figure)
    found = [text for text in figure.findobj(matplotlib.text.Text) if id(text) not in hidden]
    return [text for text in found if text.get_text().strip() and text.get_visible()]


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_read_and_fits(name: str, drawn: dict[str, Figure]) -> None:
    figure = drawn[name]
    assert figure.get_figwidth() == style.WIDTH_IN
    # Snakemake's report cuts pictures off that are higher than 1,000 pixels at 1,300 wide.
    most_in = 8 if name == "figure_4" else 5.2
    assert figure.get_figheight() <= most_in
    for text in texts(figure):
        assert text.get_fontsize() >= LEAST_PT, text.get_text()
        box = text.get_window_extent()
        assert figure.bbox.x0 - 1 <= box.x0, text.get_text()
        assert box.x1 <= figure.bbox.x1 + 1, text.get_text()
        assert figure.bbox.y0 - 1 <= box.y0, text.get_text()
        assert box.y1 <= figure.bbox.y1 + 1, text.get_text()


@pytest.mark.parametrize("name", DRAWN_FROM_RUNS)
def test_what_did_not_run_is_said(name: str, full: Inputs) -> None:
    (said,) = [text.get_text() for text in texts(draw(name, everything.nothing(full)))]
    assert said.endswith(": not run")


@pytest.mark.parametrize("name", [name for name in DRAWN_FROM_RUNS if name not in CLAIMED])
def test_stand_ins_are_never_called_by_the_name_of_the_data(
    name: str, drawn: dict[str, Figure]
) -> None:
    said = "\n".join(text.get_text() for text in texts(drawn[name]))
    for real in ("CIFAR", "MNIST", "Flickr"):
        assert real not in said


def test_a_single_seed_is_called_one(full: Inputs) -> None:
    runs = tuple(run for run in full.runs if run.record.seed == 0)
    one = dataclasses.replace(full, runs=runs)
    for name in ("figure_3", "figure_5", "figure_lab2", "figure_dessilbi"):
        said = "\n".join(text.get_text() for text in texts(draw(name, one)))
        assert "one seed" in said
        assert "seeds" not in said


@pytest.mark.parametrize("name", NAMES)
def test_titles_of_neighbours_do_not_overlap(name: str, drawn: dict[str, Figure]) -> None:
    titles = [panel._left_title for panel in drawn[name].axes]
    boxes = [title.get_window_extent() for title in titles if title.get_text()]
    assert not any(left.overlaps(right) for left, right in itertools.pairwise(boxes))


@pytest.mark.parametrize("position", [0, -1])
@pytest.mark.parametrize("name", NAMES)
def test_a_part_of_the_arms_is_enough(name: str, position: int, full: Inputs) -> None:
    draw(name, everything.partly(full, position))
