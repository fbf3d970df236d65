"""The committed records give every table and figure, whatever has changed since they were made."""

from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from partial_backprop import artifacts
from partial_backprop.figures import style
from partial_backprop.inputs import read_inputs
from partial_backprop.report import tables

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("few_draws")]
ROOT = Path(__file__).parents[1]
RUNS = ROOT / "results" / "published" / "runs"


@pytest.fixture(scope="module")
def published():
    found = read_inputs(
        "published", RUNS.rglob("record.json"), RUNS.rglob("gradients.json"), ROOT / "config"
    )
    assert len(found.runs) > 50
    return found


@pytest.mark.parametrize("name", artifacts.names("tables"))
def test_tables_are_made(name, published):
    text = artifacts.to_tex(tables.build(name, published))
    assert text.isascii()
    assert "nan" not in text


@pytest.mark.parametrize("name", artifacts.names("figures"))
def test_figures_are_drawn(name, published):
    with style.applied():
        FigureCanvasAgg(artifacts._figure(name).draw(published)).draw()
