"""The figure of DessiLBI shows a point per network, and values and masks where they ran."""

import numpy as np
import pytest
from tests import fake_inclusion

from partial_backprop.experiments.dessilbi import figure_dessilbi as module
from partial_backprop.experiments.dessilbi import results as inclusion
from partial_backprop.experiments.dessilbi.paths import TUNED
from partial_backprop.record import Record


@pytest.fixture(scope="module")
def inputs():
    return fake_inclusion.inputs()


def panel_of(figure, beginning: str):
    return next(one for one in figure.axes if one.get_title("left").startswith(beginning))


def test_a_network_is_a_point_at_the_end_of_its_path_and_one_for_the_full_network(inputs):
    panel = panel_of(module.draw(inputs), "(a)")
    points = [
        (line.get_xdata()[0], line.get_ydata()[0])
        for line in panel.lines
        if line.get_marker() == "o"
    ]
    for experiment, arm in module.PATHS.items():
        (run,) = [run for run in inputs.runs if run.key[:2] == (experiment, arm)]
        report = inclusion.of(run.record)
        last = report.epochs[-1]
        sparse, full = (
            100 * count.n_correct / count.n_examples for count in (last.sparse_test, last.full_test)
        )
        assert any(np.allclose(at, (100 * report.density(-1), sparse)) for at in points)
        assert any(np.allclose(at, (100, full)) for at in points)


def test_values_are_the_ends_of_paths_that_differ_in_them_alone(inputs):
    panel = panel_of(module.draw(fake_inclusion.inputs((0, 1))), "(c) by ν")
    assert len(panel.lines) == len(TUNED)
    assert [text.get_text() for text in panel.texts] == ["10", "100", "1000"] * len(TUNED)


def test_every_mask_has_its_mark(inputs):
    panel = panel_of(module.draw(inputs), "(d)")
    places = {tuple(float(one[0]) for one in line.get_data()) for line in panel.lines}
    for run in inputs.runs:
        if run.record.experiment in module.TICKETS:
            density = 100 * inclusion.ticket_of(run.record).density()
            count = run.record.selection("last").test
            assert (density, 100 * count.n_correct / count.n_examples) in places
    assert len(panel.lines) == 6  # of two networks


@pytest.mark.parametrize(
    ("gone", "n_panels"),
    [("dessilbi_lenet3", 4), ("dessilbi_ticket_vgg16", 4), ("dessilbi_vgg16", 4), (None, 1)],
)
def test_any_experiment_may_be_absent(gone, n_panels):
    def there(record: Record) -> bool:
        return record.experiment != gone if gone else record.experiment == "dessilbi_lenet3"

    assert len(module.draw(fake_inclusion.inputs(only=there)).axes) == n_panels
