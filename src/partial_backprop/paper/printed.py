"""Tables as they were made for print, taken apart so that the article can set them its own way."""

import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from partial_backprop.errors import UserError
from partial_backprop.paper.text import Tex

_WHOLE = re.compile(
    r"\\begin\{tabular\}\{@\{\}(?P<columns>.*)@\{\}\}\n\\toprule\n(?P<head>.*?)\\midrule\n(?P<body>.*?)"
    r"\\bottomrule\n\\end\{tabular\}(?P<after>.*)",
    re.DOTALL,
)
_SPAN = re.compile(r"\\multicolumn\{(\d+)\}\{((?:@\{\})?[lcr])\}\{(.*)\}$")
_NOT_RUN = {"not run", "not measured"}
_SILENT = {"", "--", *_NOT_RUN}


class Printed(NamedTuple):
    """A table in print."""

    columns: Tex
    """Argument of ``tabular``."""
    head: Tex
    """Lines above the rule."""
    body: Tex
    """Lines below it."""
    says_something: bool
    """Whether a cell behind the first of a line holds more than that nothing ran."""


class _Cell(NamedTuple):
    text: str
    span: int
    """Columns that it takes."""
    alignment: str

    def words(self) -> str:
        return re.sub(r"\\(textit|textbf|emph)\b|[{}]", "", self.text).strip()


def _cells(line: str) -> list[_Cell]:
    found = []
    for text in re.split(r"(?<!\\)&", line.removesuffix(r"\\")):
        spanning = _SPAN.match(text.strip())
        if spanning:
            found.append(_Cell(spanning[3], int(spanning[1]), spanning[2]))
        else:
            found.append(_Cell(text.strip(), 1, ""))
    return found


def _line(cells: Sequence[_Cell], dropped: set[int]) -> tuple[str, str]:
    """A line without some columns, and the rules below its cells that span several."""
    texts, rules, column, place = [], "", 0, 1
    for cell in cells:
        span = sum(column + i not in dropped for i in range(cell.span))
        column += cell.span
        if not span:
            continue
        spans = cell.alignment and (span > 1 or cell.alignment != "c")
        texts.append(
            rf"\multicolumn{{{span}}}{{{cell.alignment}}}{{{cell.text}}}" if spans else cell.text
        )
        rules += rf"\cmidrule(lr){{{place}-{place + span - 1}}}" if span > 1 else ""
        place += span
    return rf"{' & '.join(texts)} \\", rules


def _without(text: str, dropped: set[int], *, ruled: bool) -> str:
    lines = []
    for line in text.splitlines():
        if line.endswith(r"\\"):
            shown, rules = _line(_cells(line), dropped)
            lines += [shown, rules] if ruled and rules else [shown]
        elif not (ruled and line.startswith(r"\cmidrule")):
            lines.append(line)
    return "".join(f"{line}\n" for line in lines)


def _silent_columns(rows: Sequence[Sequence[_Cell]]) -> set[int]:
    """Columns of which every cell says that nothing ran, or nothing at all."""
    whole = [row for row in rows if all(cell.span == 1 for cell in row)]
    silent = set()
    for column in range(1, min(map(len, whole), default=0)):
        words = {row[column].words() for row in whole}
        if words <= _SILENT and (words & _NOT_RUN or column - 1 in silent):
            silent.add(column)
    return silent


def _spoken(body: str) -> str:
    """Leave titles of groups out that only say that their group did not run."""
    lines = body.splitlines(keepends=True)
    rows = [index for index, line in enumerate(lines) if line.endswith("\\\\\n")]
    gone = set()
    for row, following in itertools.pairwise([*rows, None]):
        cells = _cells(lines[row].strip())
        alone = len(cells) == 1 and cells[0].words().endswith(tuple(f": {one}" for one in _NOT_RUN))
        if alone and (following is None or len(_cells(lines[following].strip())) == 1):
            gone |= {row, *([row - 1] if row and "addlinespace" in lines[row - 1] else [])}
    return "".join(line for index, line in enumerate(lines) if index not in gone)


def read(path: Path) -> Printed:
    """Take a table apart, and leave out what only says that it did not run."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; make it before the paper") from None
    found = _WHOLE.search(text)
    if found is None:
        raise UserError(f"{path} is not a table of this project: make it again")
    columns, head, body = found["columns"], found["head"], _spoken(found["body"])
    rows = [_cells(line) for line in body.splitlines() if line.endswith(r"\\")]
    says = any(cell.words() not in _SILENT for row in rows for cell in row[1:])
    dropped = _silent_columns(rows)
    if says and dropped and columns.isalpha():
        columns = "".join(one for place, one in enumerate(columns) if place not in dropped)
        head, body = _without(head, dropped, ruled=True), _without(body, dropped, ruled=False)
    return Printed(Tex(f"@{{}}{columns}@{{}}"), Tex(head), Tex(body), says)
