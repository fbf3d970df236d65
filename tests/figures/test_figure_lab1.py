"""The figure of Lab 1 draws every update of every descent."""

import numpy as np
from tests import lab1

from partial_backprop.experiments.linear_models import figure_lab1, figure_lab1_all
from partial_backprop.experiments.linear_models import results as linear


def pairs(figure):
    """The fourteen pairs of panels, as (method, position, loss, weights)."""
    panels = np.array(figure.axes).reshape(6, 5)
    yield "plain", 0, panels[0, 4], panels[1, 4]
    yield "projected", 0, panels[2, 4], panels[3, 4]
    for row, method in ((0, "l1"), (2, "proximal"), (4, "trimmed")):
        for column in range(4):
            yield method, column, panels[row, column], panels[row + 1, column]


def test_every_descent_is_drawn_update_by_update():
    reports = linear.reports(lab1.records().values())
    found = list(pairs(figure_lab1_all.draw(lab1.inputs())))
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
    looks = figure_lab1_all.ORDERS.values()
    assert len({look.dashes for look in looks}) == len({look.color for look in looks}) == 5
    assert set(figure_lab1_all.ORDERS) == set(linear.ORDERS)
    assert len(set(figure_lab1_all.WEIGHTS)) == 5


def test_descents_that_did_not_run_have_no_panel():
    figure = figure_lab1_all.draw(lab1.without("l1_full_batch", "l1_per_sample"))
    assert sum(not panel.axison for panel in figure.axes) == 8 + 2  # two places have no descent
    assert len(figure_lab1.draw(lab1.without("l1_full_batch", "l1_per_sample")).axes) == 4


def test_the_small_figure_has_losses_and_last_weights_of_one_strength():
    reports = linear.reports(lab1.records().values())
    panels = np.array(figure_lab1.draw(lab1.inputs()).axes).reshape(2, 3)
    for method, loss, weights in zip(figure_lab1.METHODS, *panels, strict=True):
        arms = [f"{method}_{order}" for order in linear.ORDERS if f"{method}_{order}" in reports]
        courses = [
            course
            for arm in arms
            for course in reports[arm].courses
            if course.strength == figure_lab1.STRENGTH
        ]
        assert [tuple(line.get_ydata()) for line in loss.lines] == [one.losses for one in courses]
        assert [tuple(line.get_ydata()) for line in weights.lines] == [
            one.weights[-1] for one in courses
        ]
