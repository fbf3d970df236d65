"""Tables as they were made for print, taken apart so that the article can set them its own way."""

import re
from pathlib import Path
from typing import NamedTuple

from partial_backprop.errors import UserError
from partial_backprop.paper.text import Tex

_WHOLE = re.compile(
    r"\\begin\{tabular\}\{(?P<columns>.*)\}\n\\toprule\n(?P<head>.*?)\\midrule\n(?P<body>.*?)"
    r"\\bottomrule\n\\end\{tabular\}(?P<after>.*)",
    re.DOTALL,
)
_SPAN = re.compile(r"\\multicolumn\{\d+\}\{(?:@\{\})?[lcr]\}")
_SILENT = {"", "--", "not run", "not measured"}


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


def _cells(line: str) -> list[str]:
    plain = re.sub(r"\\(textit|textbf|emph)\b|[{}]|\\\\$", "", _SPAN.sub("", line))
    return [cell.strip() for cell in re.split(r"(?<!\\)&", plain)]


def read(path: Path) -> Printed:
    """Take a table apart."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; make it before the paper") from None
    found = _WHOLE.search(text)
    if found is None:
        raise UserError(f"{path} is not a table of this project: make it again")
    lines = [_cells(line) for line in found["body"].splitlines() if line.endswith(r"\\")]
    says = any(cell not in _SILENT for cells in lines for cell in cells[1:])
    return Printed(Tex(found["columns"]), Tex(found["head"]), Tex(found["body"]), says)
