"""Tables in the article leave out what only says that it did not run."""

from pathlib import Path

from partial_backprop import artifacts
from partial_backprop.paper import printed
from partial_backprop.report.layout import Cell, Row, Table


def read(tmp_path: Path, header: list[Row], body: list[Row], columns: str) -> printed.Printed:
    path = tmp_path / "table_made_up.tex"
    path.write_text(artifacts.to_tex(Table(None, columns, tuple(header), tuple(body))))
    return printed.read(path)


HEADER = [
    Row(("", Cell("ran", 2), Cell("did not", 2))),
    Row(("Arm", "last", "best", "top-1", "top-5")),
]


def test_columns_that_did_not_run_are_left_out(tmp_path):
    body = [Row(("FB", "1", "2", "not run", "–")), Row(("PB", "not run", "4", "not run", "–"))]
    found = read(tmp_path, HEADER, body, "lrrrr")
    assert found.columns == "@{}lrr@{}"
    assert r"\cmidrule(lr){2-3}" in found.head
    assert "top-1" not in found.head
    assert found.body.splitlines() == [r"FB & 1 & 2 \\", r"PB & not run & 4 \\"]


def test_groups_that_did_not_run_are_left_out_unless_something_stands_below(tmp_path):
    body = [
        Row((Cell("one: not run", 5, "l"),)),
        Row((Cell("other: not run", 5, "l"),), rule_above=True),
        Row(("printed", "1", "2", "3", "4")),
        Row((Cell("last: not measured", 5, "l"),), rule_above=True),
    ]
    found = read(tmp_path, HEADER, body, "lrrrr")
    assert "one" not in found.body
    assert "last" not in found.body
    assert "other: not run" in found.body
    assert found.says_something


def test_a_table_that_did_not_run_says_nothing_and_stays_whole(tmp_path):
    found = read(tmp_path, HEADER, [Row(("FB", *["not run"] * 4))], "lrrrr")
    assert not found.says_something
    assert found.columns == "@{}lrrrr@{}"


def test_a_table_without_rows_says_nothing(tmp_path):
    found = read(tmp_path, HEADER, [], "lrrrr")
    assert not found.says_something
    assert found.body.strip() == ""
