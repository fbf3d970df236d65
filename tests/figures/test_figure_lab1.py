"""The figure of Lab 1 draws every update of every descent."""

import numpy as np
from tests import lab1

from partial_backprop.figures import figure_lab1
from partial_backprop.measurements import linear


def pairs(figure):
    """The fourteen pairs of panels, as (method, position, loss, weights)."""
    panels = np.array(figure.axes).reshape(7, 4)
    yield "plain", 0, panels[0, 0], panels[0, 1]
    yield "projected", 0, panels[0, 2], panels[0, 3]
    for row, method in ((1, "l1"), (3, "proximal"), (5, "trimmed")):
        for column in range(4):
            yield method, column, panels[row, column], panels[row + 1, column]


def test_every_descent_is_drawn_update_by_update():
    reports = linear.reports(lab1.records().values())
    found = list(pairs(figure_lab1.draw(lab1.inputs())))
    assert len(found) == 14
    for method, position, losses, weights in found:
        arms = [f"{method}_{order}" for order in linear.ORDERS if f"{method}_{order}" in reports]
        assert len(losses.lines) == len(arms)
        assert losses.get_yscale() == "log"
        for line, arm in zip(losses.lines, arms, strict=True):
            report = reports[arm]
            course = report.courses[position]
            assert tuple(line.get_ydata()) == course.losses
            assert line.get_xdata()[-1] == report.n_steps
            low, high = losses.get_ylim()
            assert low < min(x for x in course.losses if x > 0)
            assert high > max(course.losses)
        drawn = [line for line in weights.lines if len(line.get_ydata()) > 2]
        expected = [
            weight
            for order in ("full_batch", "per_sample")
            for weight in np.array(reports[f"{method}_{order}"].courses[position].weights).T
        ]
        assert len(drawn) == len(expected) == 10
        for line, weight in zip(drawn, expected, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), weight)


def test_orders_differ_in_line_and_weights_in_colour():
    looks = figure_lab1.ORDERS.values()
    assert len({look.dashes for look in looks}) == len({look.color for look in looks}) == 5
    assert set(figure_lab1.ORDERS) == set(linear.ORDERS)
    assert len(set(figure_lab1.WEIGHTS)) == 5


def test_what_did_not_run_is_said():
    figure = figure_lab1.draw(lab1.without("l1_full_batch", "l1_per_sample"))
    said = ["".join(text.get_text() for text in panel.texts) for panel in figure.axes]
    assert sum("(d) subgradient:\nnot run" in text for text in said) == 8
    nothing = figure_lab1.draw(lab1.without(*lab1.ARMS))
    assert all("not run" in "".join(t.get_text() for t in p.texts) for p in nothing.axes)
