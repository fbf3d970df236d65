"""Entries of tables in ``tables*.yaml`` of the folders: what may stand in them, and what a table is of.

Read by the workflow for every table, so nothing heavy is imported here; `report.tables` makes tables of them.
"""

import ast
import functools
import hashlib
import importlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import pydantic

from partial_backprop import folders
from partial_backprop.config import CONFIG_DIR
from partial_backprop.errors import UserError
from partial_backprop.files import read_yaml, validated

PREFIX = "table_"

Show = Literal[
    "spread", "mean", "max", "total", "exact", "significant", "whole", "range", "counts", "difference",
    "change", "interval",
]  # fmt: skip
"""How the numbers of the seeds are printed: mean ± standard deviation; mean; largest; sum; mean, where 0 is
exactly 0; mean with significant digits; mean as a count; lowest to highest; every count that occurs; mean
difference; the same with its sign; or with its interval."""

WHERE = (
    "experiment", "arm", "seed", "stage", "layer", "sparsity", "bits", "strength", "decoding", "references",
    "file", "batch_size",
)  # fmt: skip
"""Columns of the results frame by which numbers are selected."""

METRICS = (
    "n_weights", "n_mask_zeros", "mask_zeros_percent", "n_natural_zeros", "natural_zeros_percent",
    "n_unmoved", "unmoved_percent", "drift_max_abs", "threshold_paper", "drift_mean_abs",
    "test_accuracy_percent", "test_n_correct", "test_n_examples", "epoch", "test_loss",
)  # fmt: skip
"""Quantities of the results frame that all kinds of runs have, beside settings, ``setting.NAME``; those of
others stand in ``METRICS`` of a folder's ``rows.py``."""

STATISTICS = (
    "mean", "std", "n_seeds", "min", "max", "low", "high", "n_pairs", "seeds", "average", "largest", "total",
    "list",
)  # fmt: skip
"""What a CSV may have of the numbers of the seeds; `NAMELESS` ones add nothing to the column's name."""

NAMELESS = ("average", "largest", "total", "list")

Where = dict[str, str | int | float | None]


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


class Call(_Strict):
    """A function that makes what no selection can say, with the arguments it is given."""

    call: str
    """``module:function`` of a module in the folder of the entry."""
    folder: str = ""
    """Name of that folder, which the entry does not say."""
    model_config = pydantic.ConfigDict(frozen=True, extra="allow")

    def __call__(self, *arguments: Any) -> Any:
        """Call it with the entry's keywords."""
        return _function(self.folder, self.call)(*arguments, **(self.model_extra or {}))


class Column(_Strict):
    """What stands in a column, and in which columns of the CSV."""

    name: str | None = None
    """By which rows and texts call it."""
    head: str | tuple[str, ...] | None = None
    """Lines of the heading, equal neighbours of the first joined; None is for the CSV alone."""
    align: Literal["l", "c", "r"] = "r"
    span: int = pydantic.Field(default=1, ge=1)
    """Columns of print that it fills."""
    wrap: int | None = None
    """Characters to a line, where a text may take several."""
    text: str | None = None
    """Key of the row, or of its selection, whose text is shown."""
    metric: str | None = None
    """Quantity of the results frame."""
    at: Where = {}
    """Which of its numbers, beside what table, group and row say."""
    minus: Where | None = None
    """With whose numbers they are compared seed by seed: what differs from `at`."""
    reported: str | None = None
    """Entry of ``reported.yaml``, in which ``{key}`` is the row's text of that key; a row without it, or for
    whose text there is no entry, has none."""
    quantity: str | tuple[str, ...] = ()
    """Quantity there; of several the first that the entry has."""
    call: Call | None = None
    """Function of a context and the row that returns the cell and values of the CSV."""
    show: Show = "spread"
    digits: int = pydantic.Field(default=2, ge=0)
    """Decimals, or significant digits."""
    factor: float = 1.0
    """From a number to its unit in CSV and print."""
    times: float = 1.0
    """From there to its unit in print."""
    absent: str | None = None
    """Stands where nothing ran, or where a text names a number that is not there."""
    zero: str | None = None
    """Stands where all numbers are 0."""
    csv: str | dict[str, str] = {}
    """Column -> `STATISTICS`, separated by blanks, which end its name; of a text or a printed number, its
    column."""
    counts: str | dict[str, str] = {}
    """Column -> metric whose whole numbers it lists, seed by seed; or how the columns of an accuracy's two
    counts begin."""
    italic: bool = False
    """Whether it is printed in italics as a line, where the table is transposed."""
    keys: dict[str, str | float] = {}
    """What tells its line of the CSV from those of the row's other columns."""

    def heads(self) -> tuple[str, ...]:
        """Return the lines of the heading."""
        return (self.head,) if isinstance(self.head, str) else self.head or ()


Fields = dict[str, Any]


class Group(_Strict):
    """Rows with one heading."""

    title: str | None = None
    rule: bool = True
    """Whether space separates it from what is above."""
    italic: bool = True
    header: Literal["italic", "plain"] | None = None
    """Whether the heads of its columns are shown, and how."""
    at: Where = {}
    csv: Fields = {}
    """Values of the CSV that its rows have in common."""
    rows: tuple[Fields, ...] | Call = ()
    """A row has ``at``; ``over``, which is stronger than a column's; ``omit``: stages that it lacks; ``skip``
    and ``blank``: names of columns that it lacks, or does not print; ``rule`` and ``italic``; ``csv``;
    ``hidden``, if it is for the CSV alone; texts of its columns; or ``cells``, all that it prints."""
    not_run: Fields | None = None
    """Values of the CSV where it has no rows, as the heading says; None: such a group is absent."""
    columns: tuple[Column, ...] | None = None
    """Its own columns, where they are not the table's."""


class Note(_Strict):
    """A paragraph that says what ran."""

    ran: dict[str, str | None]
    """Experiment -> printed name of its network; None is the name in its records."""
    otherwise: str = ""
    """What is said where nothing ran."""


class Entry(_Strict):
    """A table."""

    experiments: tuple[str, ...] = ()
    """Experiments whose records it reads."""
    arms: tuple[str, ...] = ()
    """Arms of them; empty is all."""
    document: str | None = None
    """Source of the printed numbers."""
    at: Where = {}
    columns: tuple[Column, ...] = ()
    groups: tuple[Group, ...] | Call = ()
    transpose: bool = False
    """Whether each column is printed as a line."""
    values: dict[str, Column | Call] | Call = {}
    """Names in braces in notes and headings -> number or function."""
    notes: tuple[str | Note, ...] = ()
    """Paragraphs; one is left out where a name in it has no value."""
    inputs: Call | None = None
    """Function that chooses among the runs."""


def names(directory: Path = CONFIG_DIR) -> list[str]:
    """List the tables, sorted."""
    return sorted(_raw(directory))


def read(name: str, directory: Path = CONFIG_DIR) -> Entry:
    """Read an entry; what is wrong in it is told in one line that names file, table and column."""
    found = _raw(directory)
    if name not in found:
        raise UserError(
            f"unknown name {name!r} in tables: choose one of {', '.join(sorted(found))}"
        )
    path, content = found[name]
    where = f"{path}: {name}"
    if not isinstance(content, Mapping):
        raise UserError(f"{where} must be a mapping of keys")
    parts = _with_folder(dict(content), path.parent.name)
    parts["columns"] = _columns(parts.get("columns", ()), where)
    groups = parts.get("groups", ())
    if isinstance(groups, Mapping):
        parts["groups"] = _checked(Call, groups, where)
    else:
        parts["groups"] = tuple(
            _group(group, f"{where}, group {number}") for number, group in enumerate(groups, 1)
        )
    values = parts.get("values", {})
    if "call" in values and isinstance(values["call"], str):
        parts["values"] = _checked(Call, values, where)
    else:
        parts["values"] = {
            key: _checked(Call, value, f"{where}, value {key}")
            if set(value) & {"call"} and isinstance(value["call"], str)
            else _column(value, f"{where}, value {key}")
            for key, value in values.items()
        }
    return validated(Entry, parts, where)


def made_from(name: str, directory: Path = CONFIG_DIR) -> tuple[str, list[str]]:
    """Hash an entry, and name the modules of its functions as `sources.closure` takes them."""
    path, content = _raw(directory).get(name, (Path(), None))
    text = json.dumps(content, sort_keys=True, default=str)
    calls = set(re.findall(r'"call": "(\w+):\w+"', text))
    called = sorted(folders.module(path.with_name(f"{one}.py")) for one in calls)
    return hashlib.sha256(text.encode()).hexdigest()[:16], called


def _raw(directory: Path) -> dict[str, tuple[Path, Any]]:
    found: dict[str, tuple[Path, Any]] = {}
    for _, path in folders.files("tables*.yaml", directory):
        stat = path.stat()
        for name, content in _parsed(path, stat.st_mtime_ns, stat.st_size).items():
            if name.startswith("_"):  # parts that entries share by reference
                continue
            if not name.startswith(PREFIX) or name in found:
                raise UserError(f"{path}: {name} must begin with {PREFIX} and stand once")
            found[name] = path, content
    return found


@functools.lru_cache(maxsize=64)
def _parsed(path: Path, mtime_ns: int, size: int) -> dict[str, Any]:
    return read_yaml(path)


def _group(fields: Any, where: str) -> Group:
    if not isinstance(fields, Mapping):
        raise UserError(f"{where} must be a mapping of keys")
    parts = dict(fields)
    if "columns" in parts:
        parts["columns"] = _columns(parts["columns"], where)
    if isinstance(parts.get("rows"), Mapping):
        parts["rows"] = _checked(Call, parts["rows"], where)
    return _checked(Group, parts, where)


def _columns(listed: Any, where: str) -> tuple[Column, ...]:
    return tuple(_column(one, f"{where}, column {number}") for number, one in enumerate(listed, 1))


def _column(fields: Any, where: str) -> Column:
    head = fields.get("head") if isinstance(fields, Mapping) else None
    title = head if isinstance(head, str) else " ".join(map(str, head or ())).strip()
    place = f"{where} ({title})" if title else where
    column: Column = _checked(Column, fields, place)
    for settings in (column.at, column.minus or {}):
        for key in settings:
            if key not in WHERE:
                raise UserError(f"{place}: {key}: it can be selected by {', '.join(WHERE)}")
    for statistics in column.csv.values() if isinstance(column.csv, dict) else ():
        for one in statistics.split():
            if one not in STATISTICS:
                raise UserError(f"{place}: csv: {one}: choose among {', '.join(STATISTICS)}")
    for metric in [column.metric, *_metrics(column)]:
        if metric is not None and not is_metric(metric):
            raise UserError(f"{place}: metric: the results frame has no {metric!r}")
    return column


def is_metric(name: str) -> bool:
    """Whether the results frame may have a quantity of a name."""
    return name in METRICS or name.startswith("setting.") or name in _of_folders()


def _of_folders() -> frozenset[str]:
    stats = ((path, path.stat()) for _, path in folders.files("rows.py"))
    return frozenset().union(*(_of_rows(path, stat.st_mtime_ns) for path, stat in stats))


@functools.lru_cache(maxsize=64)
def _of_rows(path: Path, mtime_ns: int) -> frozenset[str]:
    """``METRICS`` of a module, which is not imported for it."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "METRICS":
            return frozenset(ast.literal_eval(node.value))
    return frozenset()


def _metrics(column: Column) -> list[str]:
    return list(column.counts.values()) if isinstance(column.counts, dict) else []


def _checked(model: type[Any], fields: Any, where: str) -> Any:
    if not isinstance(fields, Mapping):
        raise UserError(f"{where} must be a mapping of keys")
    return validated(model, fields, where)


def _with_folder(content: Any, folder: str) -> Any:
    """Tell calls in which folder their functions are."""
    if isinstance(content, Mapping):
        found = {key: _with_folder(value, folder) for key, value in content.items()}
        is_call = isinstance(content.get("call"), str)
        return found | {"folder": folder} if is_call else found
    return [_with_folder(one, folder) for one in content] if isinstance(content, list) else content


def _function(folder: str, name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    try:
        found = importlib.import_module(f"partial_backprop.experiments.{folder}.{module}")
        return getattr(found, function)
    except (ImportError, AttributeError):
        raise UserError(f"experiments/{folder}/tables.yaml: the folder has no {name!r}") from None
