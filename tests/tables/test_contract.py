"""What holds of every table, whatever ran."""

import io
import re

import pandas as pd
import pytest
from tests import everything, fakes
from tests.tables.shown import words

from partial_backprop import artifacts, folders, table_entries
from partial_backprop.inputs import Inputs
from partial_backprop.paper.text import escape
from partial_backprop.report import gather, tables
from partial_backprop.report.layout import Table

pytestmark = pytest.mark.usefixtures("few_draws")
NAMES = artifacts.names("tables")
OF_NO_SCALE = "table_bench"
"""Which is of machines, not of runs."""
NOT_MADE_UP = {
    "p_mcnemar", "step_s", "update_s", "times_sgd", "extra_bytes", "whole_time_s", "small_time_s",
    "time_left_percent_mean", "time_left_percent_std",
}  # fmt: skip
"""Columns that synthetic records leave empty: no times, and no images."""
NO_SPREAD = ("_low", "_high", "_std")
"""How columns end that are empty where the made-up seeds differ by a constant, or there is one."""
NOT_PRINTED = {"table_dessilbi_8", "table_dessilbi_9"}
"""Tables of which the source prints a caption alone."""
BY_FUNCTIONS = {
    "experiment", "data", "full_size", "name", "n_parameters", "n_train", "n_validation", "n_test",
    "schedule", "epochs", "current", "arm", "support", "variance_ratio_2bit", "variance_ratio_3bit",
    "variance_ratio_4bit", "shape", "n_values", "n_activation_bytes_a_step",
    "n_gradient_bytes_a_step",
}  # fmt: skip
"""Columns that functions add where something ran."""
SPEAKS_OF_SOURCES = {"table_claims", "table_statements", "table_dessilbi_1", OF_NO_SCALE}
"""Tables whose words name the sources' data."""


@pytest.fixture(scope="module")
def built(full: Inputs) -> dict[str, Table]:
    return {name: tables.build(name, full) for name in NAMES}


@pytest.fixture(scope="module")
def empty(full: Inputs) -> dict[str, Table]:
    none = everything.nothing(full)
    return {name: tables.build(name, none) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_the_csv_reads_back_in_full_precision(name: str, built: dict[str, Table]) -> None:
    frame = built[name].frame
    read = pd.read_csv(io.StringIO(frame.to_csv(index=False)))
    assert list(read) == list(frame)
    assert len(read) == len(frame) > 0
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
    assert not {column for column in empty if not column.endswith(NO_SPREAD)}


@pytest.mark.parametrize("name", NAMES)
def test_what_did_not_run_is_said_and_has_the_same_columns(
    name: str, built: dict[str, Table], empty: dict[str, Table]
) -> None:
    said = words(empty[name]).lower()
    if name != "table_claims":  # whose ledger says it of each claim
        assert "not run" in said or "not measured" in said
    if name != OF_NO_SCALE:
        assert set(built[name].frame) <= set(empty[name].frame) | BY_FUNCTIONS


@pytest.mark.parametrize("name", NAMES)
def test_stand_ins_are_called_by_their_own_names(name: str, built: dict[str, Table]) -> None:
    measured = tuple(row for row in built[name].body if not row.italic)
    said = words(Table(built[name].frame, built[name].columns, (), measured, built[name].notes))
    if name not in SPEAKS_OF_SOURCES:
        assert "scenes" in said or "digits" in said or name == "table_lab1"
        assert not re.findall("CIFAR|MNIST|Flickr8k", said)


@pytest.mark.parametrize("position", [0, -1])
@pytest.mark.parametrize("name", NAMES)
def test_a_part_of_the_arms_is_enough(name: str, position: int, full: Inputs) -> None:
    table = tables.build(name, everything.partly(full, position))
    check_latex(name, table)


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


def columns_of(line: str) -> int:
    """Columns that a line of a tabular fills."""
    cells = re.split(r"(?<!\\)&", line)
    return sum(
        int(match[1]) if (match := re.search(r"\\multicolumn\{(\d+)\}", cell)) else 1
        for cell in cells
    )


def check_latex(name: str, table: Table) -> None:
    text = artifacts.to_tex(table)
    spec = re.search(r"\\begin\{tabular\}\{@\{\}([lcr]+)@\{\}\}", text)[1]
    body = text.split(r"\toprule")[1].split(r"\bottomrule")[0]
    lines = [line for line in body.splitlines() if line.endswith(r"\\")]
    assert len(lines) > 1
    assert {columns_of(line) for line in lines} == {len(spec)}
    assert text.replace(escape(fakes.TITLE), "").isascii()
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    assert not re.search(r"\bnan\b", text)
    assert r"100 \% synthetic\_data" in text or name == OF_NO_SCALE


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_the_latex_fills_the_columns(
    name: str, built: dict[str, Table], empty: dict[str, Table]
) -> None:
    for table in (built[name], empty[name]):
        check_latex(name, table)


def test_metrics_are_those_of_the_frame(full: Inputs) -> None:
    found = {row["metric"] for run in full.runs for row in gather.rows(run)}
    assert all(map(table_entries.is_metric, found))


def test_all_runs_of_an_entry_exist_in_the_configuration() -> None:
    known = folders.every_experiment().keys()
    for name in NAMES:
        assert set(table_entries.read(name).experiments) <= known
