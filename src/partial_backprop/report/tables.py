"""Tables as data: rows choose runs, columns choose what is shown of them.

The entries stand in ``tables.yaml`` of the folders. A table has groups of rows; a cell is a number of the
results frame, over seeds, or one that a source prints. What is no such number comes from a function, named in
the entry as ``module:function`` of its folder.
"""

import dataclasses
import functools
import itertools
import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from partial_backprop import facts, labels, table_entries
from partial_backprop.config import CONFIG_DIR
from partial_backprop.errors import UserError
from partial_backprop.inputs import Inputs
from partial_backprop.report import layout, numbers
from partial_backprop.report.frame import Results, results, select
from partial_backprop.report.layout import Cell, Row, Table
from partial_backprop.report.stats import Interval
from partial_backprop.table_entries import Call, Column, Entry, Fields, Group, Where


@dataclasses.dataclass(frozen=True)
class Context:
    """What functions that an entry names are given."""

    inputs: Inputs
    results: Results
    entry: Entry
    where: Where = dataclasses.field(default_factory=dict)
    """Selection of the row."""


def build(name: str, inputs: Inputs) -> Table:
    """Build a table from runs, printed numbers and its entry."""
    entry = table_entries.read(name, inputs.config_dir or CONFIG_DIR)
    if entry.inputs is not None:
        inputs = entry.inputs(inputs)
    wanted = [run for run in inputs.runs if _is_read(run.record, entry)]
    return _Builder(Context(inputs, results(wanted), entry), name).table()


def _is_read(record: Any, entry: Entry) -> bool:
    return record.experiment in entry.experiments and (not entry.arms or record.arm in entry.arms)


@dataclasses.dataclass(frozen=True)
class _Builder:
    context: Context
    name: str

    @property
    def entry(self) -> Entry:
        return self.context.entry

    @functools.cached_property
    def parts(self) -> dict[str, pd.DataFrame]:
        """Rows of each metric."""
        return dict(tuple(self.context.results.frame.groupby("metric", sort=False)))

    def table(self) -> Table:
        groups = self.entry.groups
        lines: list[Fields] = []
        body: list[Row] = []
        for group in groups(self.context) if isinstance(groups, Call) else groups:
            body += self._group(group, lines, is_first=not body)
        shown = [column for column in self.entry.columns if column.head is not None]
        alignments = "".join(column.align + "r" * (column.span - 1) for column in shown)
        header = self._header(shown)
        columns = dict.fromkeys([*(name for line in lines for name in line), *self._csv_columns()])
        frame = pd.DataFrame(lines, columns=list(columns))
        if self.entry.transpose:
            alignments, header, body = _transposed(header, body, [one.italic for one in shown])
        return Table(frame, alignments, tuple(header), tuple(body), self._notes())

    def _group(self, group: Group, lines: list[Fields], *, is_first: bool) -> list[Row]:
        columns = self.entry.columns if group.columns is None else group.columns
        rows = group.rows(self.context) if isinstance(group.rows, Call) else group.rows
        if not rows and group.not_run is None:
            return []
        rule = group.rule and not is_first
        body: list[Row] = []
        if group.title is not None:
            title = (self._filled(group.title) or "") + ("" if rows else f": {layout.NOT_RUN}")
            body.append(Row((Cell(title, self._width(), "l"),), group.italic, rule))
        if not rows:
            lines += [group.csv | group.not_run] if group.not_run else []
            return body
        for row in self._header(columns) if group.header is not None else ():
            body.append(Row(row.cells, group.header == "italic", rule and not body))
        for row in rows:
            printed, made = self._row(group, columns, row)
            lines += made
            for number, cells in enumerate(printed):
                above = row.get("rule", rule and not body) and number == 0
                body.append(Row(cells, row.get("italic", False), above))
        return body

    def _width(self) -> int:
        return sum(column.span for column in self.entry.columns if column.head is not None)

    def _row(
        self, group: Group, columns: Sequence[Column], row: Fields
    ) -> tuple[list[tuple[str | Cell, ...]], list[Fields]]:
        """Lines of print, and lines of the CSV."""
        if "cells" in row:
            printed = [] if row.get("hidden") else [tuple(row["cells"])]
            return printed, [group.csv | row["csv"]] if "csv" in row else []
        context = dataclasses.replace(
            self.context, where=self.entry.at | group.at | row.get("at", {})
        )
        lines: dict[str, Fields] = {}
        shown: list[tuple[Column, str]] = []
        words: dict[str, str] = {}
        for column in columns:
            text, fields = self._cell(context, column, row, words)
            words |= {column.name: text} if column.name else {}
            key = repr(column.keys)
            lines.setdefault(key, group.csv | row.get("csv", {}) | column.keys)
            lines[key] |= fields
            if column.head is not None:
                shown.append((column, "" if column.name in row.get("blank", ()) else text))
        if len(lines) > 1:  # what has no keys is the same for all
            shared = lines.pop("{}", {})
            lines = {key: shared | line for key, line in lines.items()}
        return [] if row.get("hidden") else _cells(shown), list(lines.values())

    def _cell(
        self, context: Context, column: Column, row: Fields, words: Mapping[str, str]
    ) -> tuple[str, Fields]:
        if column.name in row.get("skip", ()):
            return "", {}
        if column.call is not None:
            return column.call(dataclasses.replace(context, where=context.where | column.at), row)
        if column.text is not None:
            text = row.get(column.text, context.where.get(column.text, ""))
            shown = self._filled(text, words) if isinstance(text, str) else str(text)
            shown = (column.absent or "") if shown is None else shown
            csv = shown if isinstance(text, str) else text
            return shown, {column.csv: csv} if isinstance(column.csv, str) else {}
        if column.reported is not None:
            value = self._reported(column, row)
            values, found = pd.Series([] if math.isnan(value) else [value], dtype=float), None
            fields = {column.csv: value} if isinstance(column.csv, str) else {}
            show = "mean" if column.show == "spread" else column.show
            return numbers.printed(column.model_copy(update={"show": show}), values, None), fields
        where = context.where | column.at
        if where.get("stage") in row.get("omit", ()):
            return layout.NONE, {}
        where |= row.get("over", {})
        values = self._select(column, where)
        found = None
        if column.minus is not None:
            base = where | column.minus
            if base == where:
                return layout.NONE, {}
            others = self._select(column, base)
            bits = self.context.results.bits
            found = numbers.difference((values, others), (where, base), column.metric, bits)
        return numbers.printed(column, values, found), self._fields(column, where, values, found)

    def _select(self, column: Column, where: Where, metric: str | None = None) -> pd.Series:
        frame = self.parts.get(metric or column.metric)
        if frame is None:
            return pd.Series(dtype=float)
        values = select(frame, metric or column.metric, **({"layer": None} | where))
        values = values[np.isfinite(values)]  # a step that never comes is no number
        return values * column.factor if metric is None else values

    def _fields(
        self, column: Column, where: Where, values: pd.Series, found: Interval | None
    ) -> Fields:
        fields: Fields = {}
        for name, statistics in column.csv.items() if isinstance(column.csv, dict) else ():
            for statistic in statistics.split():
                fields[numbers.csv_name(name, statistic)] = numbers.statistic(
                    statistic, values, found
                )
        for name, metric in numbers.counts(column).items():
            counts = self._select(column, where, metric)
            fields[name] = " ".join(str(int(count)) for count in counts)
        return fields

    def _reported(self, column: Column, row: Fields) -> float:
        texts = {key: text for key, text in row.items() if text is not None}
        try:
            name = column.reported.format(**texts)
        except KeyError:
            return math.nan
        entry = self.context.inputs.reported.documents[self.entry.document].entries.get(name)
        if entry is None:
            return math.nan
        wanted = [column.quantity] if isinstance(column.quantity, str) else column.quantity
        value = next((entry.values[one] for one in wanted if one in entry.values), math.nan)
        return value * column.factor

    def _csv_columns(self) -> list[str]:
        groups = () if isinstance(self.entry.groups, Call) else self.entry.groups
        columns = [*self.entry.columns, *(c for group in groups for c in group.columns or ())]
        found: list[str] = []
        for column in columns:
            found += column.keys
            if isinstance(column.csv, str):
                found.append(column.csv)
            else:
                for name, statistics in column.csv.items():
                    found += [numbers.csv_name(name, one) for one in statistics.split()]
            found += numbers.counts(column)
        return found

    @functools.cached_property
    def words(self) -> dict[str, str | None]:
        """What names in braces stand for; None where there is no value."""
        inputs, values = self.context.inputs, self.entry.values
        words: dict[str, str | None] = {"scale": inputs.scale}
        if self.entry.document:
            words["source"] = inputs.reported.documents[self.entry.document].source
        if isinstance(values, Call):
            return words | values(self.context)
        for name, value in values.items():
            if isinstance(value, Call):
                words[name] = value(self.context) or None
            else:
                found = self._select(value, self.entry.at | value.at)
                words[name] = numbers.printed(value, found, None) if len(found) else None
        return words

    def _filled(self, text: str, more: Mapping[str, str] | None = None) -> str | None:
        """Fill in the names in braces; None where one has no value."""
        if "{" not in text:
            return text
        words = self.words | (more or {})
        try:
            used = {name: word for name, word in words.items() if f"{{{name}}}" in text}
            absent = {None, "", layout.NONE, layout.NOT_RUN} & set(used.values())
            return None if absent else text.format(**used)
        except (KeyError, IndexError, ValueError) as error:
            raise UserError(f"{self.name}: no value {error} for {text!r}") from None

    def _notes(self) -> tuple[str, ...]:
        inputs = self.context.inputs
        notes: list[str | None] = []
        for note in self.entry.notes:
            if isinstance(note, str):
                notes.append(self._filled(note))
                continue
            told = " ".join(facts.sentences(ran(inputs, note.ran))) or note.otherwise
            notes.append(f"Scale {inputs.scale}: {inputs.title.rstrip('.')}. {told}".strip())
        return tuple(note for note in notes if note)

    def _header(self, columns: Sequence[Column]) -> list[Row]:
        columns = [column for column in columns if column.head is not None]
        depth = max((len(column.heads()) for column in columns), default=1)
        rows = []
        for level in range(depth):
            cells: list[Cell] = []
            for column in columns:
                heads = ("",) * (depth - len(column.heads())) + column.heads()
                text = self._filled(heads[level]) or ""
                joins = level == 0 and depth > 1 and text and cells and cells[-1].text == text
                if joins:
                    cells[-1] = Cell(text, cells[-1].span + column.span)
                else:
                    cells.append(Cell(text, column.span, column.align if column.span > 1 else "c"))
            rows.append(Row(tuple(cell.text if cell.span == 1 else cell for cell in cells)))
        return rows


def _cells(shown: Sequence[tuple[Column, str]]) -> list[tuple[str | Cell, ...]]:
    """Lines of a row, of which only texts that are wrapped take more than one."""
    parts = [textwrap.wrap(text, column.wrap) if column.wrap else [text] for column, text in shown]
    return [
        tuple(
            Cell(text, column.span, column.align) if column.span > 1 else text
            for (column, _), text in zip(shown, texts, strict=True)
        )
        for texts in itertools.zip_longest(*parts, fillvalue="")
    ]


def _transposed(
    header: list[Row], body: list[Row], italic: Sequence[bool]
) -> tuple[str, list[Row], list[Row]]:
    lines = list(zip(header[-1].cells, *(row.cells for row in body), strict=True))
    printed = [
        Row(line, italic[number], rule_above=italic[number] and not italic[number - 1])
        for number, line in enumerate(lines)
    ]
    return "l" + "r" * len(body), printed[:1], printed[1:]


def ran(inputs: Inputs, networks: Mapping[str, str | None]) -> list[facts.Facts]:
    """Collect the facts of experiments, those that would read the same once."""
    found: dict[tuple[str, str], facts.Facts] = {}
    for experiment, network in networks.items():
        own = [run for run in inputs.runs if run.record.experiment == experiment]
        if own:
            title = network or labels.network(own[0].record.network.name)
            one = facts.of_runs(experiment, title, own)
            found.setdefault((one.who(), one.how()), one)
    return list(found.values())
