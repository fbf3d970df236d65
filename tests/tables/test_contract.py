"""What holds of every table, whatever ran."""

import io

import pandas as pd
import pytest

import everything
from partial_backprop import artifacts, folders, table_entries
from partial_backprop.inputs import Inputs
from partial_backprop.report import gather, tables
from partial_backprop.report.layout import Cell, Table

NAMES = artifacts.names("tables")
NOT_MADE_UP = {
    "p_mcnemar", "step_s", "update_s", "times_sgd", "extra_bytes", "whole_time_s", "small_time_s",
    "time_left_percent_mean", "time_left_percent_std",
}  # fmt: skip
"""Columns that synthetic records leave empty: no times, and no images."""

NO_SPREAD = ("_low", "_high", "_std")
"""How columns end that are empty where the made-up seeds differ by a constant, or there is one."""

NOT_PRINTED = {"table_dessilbi_8", "table_dessilbi_9"}
"""Tables of which the source prints a caption alone."""

WITHOUT_RECORDS = {"table_mask_stability", "table_criteria"}
"""Tables of which there are no synthetic records."""

BY_FUNCTIONS = {
    "data", "full_size", "name", "n_parameters", "n_train", "n_validation", "n_test", "schedule", "epochs",
    "current", "arm", "support", "variance_ratio_2bit", "variance_ratio_3bit", "variance_ratio_4bit", "shape",
    "n_values", "n_activation_bytes_a_step", "n_gradient_bytes_a_step",
}  # fmt: skip
"""Columns that functions add where something ran."""


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return everything.inputs(tmp_path_factory.mktemp("everything"))


@pytest.fixture(scope="module")
def built(full: Inputs) -> dict[str, Table]:
    return {name: tables.build(name, full) for name in NAMES}


@pytest.fixture(scope="module")
def empty(full: Inputs) -> dict[str, Table]:
    none = everything.nothing(full)
    return {name: tables.build(name, none) for name in NAMES}


def words(table: Table) -> str:
    cells = [cell for row in table.body for cell in row.cells]
    texts = [cell.text if isinstance(cell, Cell) else cell for cell in cells]
    return " ".join([*texts, *table.notes])


@pytest.mark.parametrize("name", NAMES)
def test_the_csv_reads_back_in_full_precision(name: str, built: dict[str, Table]) -> None:
    frame = built[name].frame
    read = pd.read_csv(io.StringIO(frame.to_csv(index=False)))
    numbers = frame.select_dtypes("float").columns
    pd.testing.assert_frame_equal(read[numbers], frame[numbers], check_exact=True)
    assert not frame.columns.has_duplicates


@pytest.mark.parametrize("name", NAMES)
def test_every_column_of_the_csv_has_a_value_somewhere(name: str, built: dict[str, Table]) -> None:
    """A selection that finds nothing, or a quantity that nothing prints, is a slip in the entry."""
    frame = built[name].frame
    empty = {column for column in frame if frame[column].isna().all()} - NOT_MADE_UP
    if name in NOT_PRINTED:
        empty -= {"printed_density", "printed_n_weights"}
    if name not in WITHOUT_RECORDS:
        assert not {column for column in empty if not column.endswith(NO_SPREAD)}


@pytest.mark.parametrize("name", NAMES)
def test_what_did_not_run_is_said_and_has_the_same_columns(
    name: str, built: dict[str, Table], empty: dict[str, Table]
) -> None:
    said = words(empty[name]).lower()
    if name != "table_claims":  # whose ledger says it of each claim
        assert "not run" in said or "not measured" in said
    if name != "table_bench":  # which is of machines, not of runs
        assert set(built[name].frame) <= set(empty[name].frame) | BY_FUNCTIONS
    assert artifacts.to_tex(empty[name]).count("\\\\") > 1


@pytest.mark.parametrize("name", NAMES)
def test_a_mean_over_seeds_has_its_spread(name: str, built: dict[str, Table]) -> None:
    entry = table_entries.read(name)
    groups = () if isinstance(entry.groups, table_entries.Call) else entry.groups
    columns = [*entry.columns, *(one for group in groups for one in group.columns or ())]
    spread = [one for one in columns if one.show == "spread" and one.metric and one.head]
    if spread and name != "table_1":  # which is of one seed
        assert "±" in words(built[name])


@pytest.mark.parametrize("name", NAMES)
def test_an_interval_without_width_is_none(name: str, built: dict[str, Table]) -> None:
    frame = built[name].frame
    lows = [column for column in frame if column.endswith("_low")]
    for low in lows:
        high = frame[low.replace("_low", "_high")]
        assert not (frame[low].notna() & frame[low].eq(high)).any()


@pytest.mark.parametrize("name", NAMES)
def test_print_is_latex_of_one_width(name: str, built: dict[str, Table]) -> None:
    text = artifacts.to_tex(built[name])
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")


def test_metrics_are_those_of_the_frame(full: Inputs) -> None:
    found = {row["metric"] for run in full.runs for row in gather.rows(run)}
    assert found <= set(table_entries.METRICS)


def test_all_runs_of_an_entry_exist_in_the_configuration() -> None:
    known = folders.every_experiment().keys()
    for name in NAMES:
        assert set(table_entries.read(name).experiments) <= known
