"""The table of criteria against the records."""

import pytest

import fake_gradients
from partial_backprop import labels, reported
from partial_backprop.freezing_report import FreezingReport, LayerFreezing
from partial_backprop.inputs import Inputs, Run
from partial_backprop.report import tables
from partial_backprop.report.layout import NOT_RUN, Cell

ACCURACY = {"fb": 90.0, "gradient": 88.0, "fisher": 89.0, "random": 85.0}
"""Arm -> test accuracy of seed 0 after the last epoch, in percent; each seed has a point more."""


def report(arm: str) -> FreezingReport:
    n_frozen = 0 if arm == "fb" else 900
    counts = {
        "n_weights": 1000,
        "n_mask_zeros": n_frozen,
        "n_natural_zeros": 0,
        "n_unmoved": n_frozen,
    }
    layer = LayerFreezing(name="w", drift_sum_abs=0.0, drift_max_abs=0.0, **counts)
    return FreezingReport(threshold=None, masked_at_epochs=(1,), layers=(layer,))


def inputs(experiment: str, tmp_path) -> Inputs:
    runs = []
    for arm, accuracy in ACCURACY.items():
        for seed in (0, 1):
            found = fake_gradients.record("full", seed, accuracy + seed)
            config = found.config.model_copy(update={"experiment": experiment, "arm": arm})
            found = found.model_copy(
                update={
                    "experiment": experiment,
                    "arm": arm,
                    "config": config,
                    "config_sha256": config.sha256(),
                    "freezing": report(arm),
                }
            )
            runs.append(Run(tmp_path / f"{arm}{seed}", found))
    return Inputs("fake", "made up", tuple(runs), (), reported.read(fake_gradients.CONFIG))


def texts(table):
    return [[c.text if isinstance(c, Cell) else c for c in row.cells] for row in table.body]


@pytest.mark.parametrize("experiment", labels.CRITERIA)
def test_lines_are_those_of_the_records(tmp_path, experiment):
    table = tables.build("table_criteria", inputs(experiment, tmp_path))
    lines = table.frame.dropna(subset=["arm"]).set_index("arm")
    assert list(lines.index) == list(ACCURACY)
    for arm, accuracy in ACCURACY.items():
        assert lines.loc[arm, "accuracy_percent_mean"] == pytest.approx(accuracy + 0.5)
        for base in {"fb", "random"} - {arm}:
            difference = lines.loc[arm, f"to_{base}_points_mean"]
            assert difference == pytest.approx(accuracy - ACCURACY[base])
        assert lines.loc[arm, "frozen_percent_mean"] == (0 if arm == "fb" else 90)
    (absent,) = set(labels.CRITERIA) - {experiment}
    assert any(NOT_RUN in row[0] and labels.CRITERIA[absent] in row[0] for row in texts(table))


def test_without_records_nothing_has_run(tmp_path):
    empty = Inputs("fake", "made up", (), (), reported.read(fake_gradients.CONFIG))
    assert all(NOT_RUN in row[0] for row in texts(tables.build("table_criteria", empty)))
