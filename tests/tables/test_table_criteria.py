"""The table of criteria against the records."""

import pytest
from tests import everything
from tests.tables.shown import texts

from partial_backprop import folders
from partial_backprop.report import tables
from partial_backprop.report.layout import NOT_RUN

CRITERIA = folders.about("criteria").experiments


@pytest.mark.parametrize("experiment", CRITERIA)
def test_lines_are_those_of_the_records(experiment):
    table = tables.build("table_criteria", everything.criteria([experiment]))
    lines = table.frame.dropna(subset=["arm"]).set_index("arm")
    assert list(lines.index) == list(everything.CRITERIA)
    for arm, accuracy in everything.CRITERIA.items():
        assert lines.loc[arm, "accuracy_percent_mean"] == pytest.approx(accuracy + 0.5)
        for base in {"fb", "random"} - {arm}:
            difference = lines.loc[arm, f"to_{base}_points_mean"]
            assert difference == pytest.approx(accuracy - everything.CRITERIA[base])
        assert lines.loc[arm, "frozen_percent_mean"] == (0 if arm == "fb" else 90)
    (absent,) = set(CRITERIA) - {experiment}
    assert any(NOT_RUN in row[0] and CRITERIA[absent] in row[0] for row in texts(table))
