"""The table of Lab 1 against the records."""

import numpy as np
import pytest
from tests import lab1

from partial_backprop.artifacts import to_tex
from partial_backprop.experiments.linear_models import results as linear
from partial_backprop.report import layout, tables


@pytest.fixture(scope="module")
def frame():
    table = tables.build("table_lab1", lab1.inputs())
    return table.frame.set_index(["arm", table.frame["strength"].fillna(0)])


def test_every_course_has_a_line():
    table = tables.build("table_lab1", lab1.inputs())
    lines = [row.cells for row in table.body if not row.italic]
    courses = sum(len(linear.of(record).courses) for record in lab1.records().values())
    assert len(lines) == len(table.frame) == courses
    heads = [row.cells[0].text for row in table.body if row.italic]
    assert heads == [f"({part.letter}) {part.title}" for part in linear.PARTS]


def test_lines_are_ordered_by_strength_then_order():
    table = tables.build("table_lab1", lab1.inputs())
    start = next(i for i, row in enumerate(table.body) if "(d)" in str(row.cells[0]))
    found = [row.cells[:2] for row in table.body[start + 1 : start + 9]]
    assert found == [
        (order, strength)
        for strength in ("0.2", "0.5", "1", "2")
        for order in ("full batch", "per sample")
    ]


def test_numbers_agree_with_the_records(frame):
    for arm, record in lab1.records().items():
        report = linear.of(record)
        for course in report.courses:
            line = frame.loc[(arm, course.strength or 0)]
            steps = np.array(course.losses)[:: report.updates_per_step]
            assert line["loss"] == course.losses[-1]
            assert tuple(line[f"w{i}"] for i in range(1, 6)) == course.weights[-1]
            assert line["n_nonzero"] == np.count_nonzero(course.weights[-1])
            assert line["noise_by_step"] == np.abs(np.diff(steps))[-20:].max()
            updates = np.abs(np.diff(course.losses))[-20 * report.updates_per_step :]
            assert line["noise_by_update"] == updates.max()
            assert line["n_updates"] == len(course.losses) - 1


def test_an_exact_zero_prints_shorter_than_a_small_number():
    printed = {
        row.cells[:2]: row.cells for row in tables.build("table_lab1", lab1.inputs()).body[1:3]
    }
    (full,) = [cells for key, cells in printed.items() if key[0] == "full batch"]
    assert full[2:7] == ("0.748", "−2.389", "0.123", "−0.031", "1.565")
    rows = [row.cells for row in tables.build("table_lab1", lab1.inputs()).body if not row.italic]
    projected = next(cells for cells in rows if cells[2] == "0")
    assert projected[:7] == ("full batch", "–", "0", "−3.000", "0", "0", "1.000")
    small = [cells for cells in rows if "0.000" in cells[2:7]]
    assert small, "a weight that is small but not zero prints its decimals"


def test_what_did_not_settle_has_a_dash():
    rows = [row.cells for row in tables.build("table_lab1", lab1.inputs()).body if not row.italic]
    noisy = next(cells for cells in rows if cells[:2] == ("per sample", "2"))
    assert noisy[9:11] == ("–", "–")


def test_a_part_that_did_not_run_is_said():
    table = tables.build("table_lab1", lab1.without("trimmed_full_batch", "trimmed_per_sample",
                                          "trimmed_per_sample_ties_first"))  # fmt: skip
    assert table.body[-1].cells[0].text == f"(f) {linear.PARTS[-1].title}: {layout.NOT_RUN}"
    nothing = tables.build("table_lab1", lab1.without(*lab1.ARMS))
    assert all(layout.NOT_RUN in row.cells[0].text for row in nothing.body)


def test_the_note_defines_what_the_columns_hold():
    table = tables.build("table_lab1", lab1.inputs())
    notes = " ".join(table.notes)
    for said in ("μ = 0.02", "200 steps", "W* = (0, −3, 0, 0, 1)", "last 20 steps", "within 1 %"):
        assert said in notes
    assert "[U+" not in to_tex(table)
