r"""The one place that saves tables and figures.

A table is one entry of ``tables.yaml`` in a folder of experiments, a figure is one module ``figure_….py``
there with ``draw(inputs) -> Figure``, whose stem is the output's stem. The same inputs give the same bytes,
and a file appears whole or not at all.
"""

import importlib
import io
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from partial_backprop import config, folders, table_entries
from partial_backprop.errors import UserError
from partial_backprop.files import write_atomically
from partial_backprop.frames import aggregate
from partial_backprop.inputs import read_inputs
from partial_backprop.paper.text import escape
from partial_backprop.report import configurations, tables
from partial_backprop.report.layout import Cell, Row, Table


def names(package: str) -> list[str]:
    """List the tables or the figures."""
    if package == "tables":
        return table_entries.names()
    return sorted(path.stem for _, path in folders.files("figure_*.py"))


def figure_module(name: str) -> str:
    """Return the module of a figure, as it is called within the package."""
    found = {path.stem: folders.module(path) for _, path in folders.files("figure_*.py")}
    if name not in found:
        raise UserError(
            f"unknown name {name!r} in figures: choose one of {', '.join(sorted(found))}"
        )
    return found[name]


def _figure(name: str) -> ModuleType:
    return importlib.import_module(f"partial_backprop.{figure_module(name)}")


def _cell(cell: str | Cell, italic: bool) -> str:
    text = escape(cell.text if isinstance(cell, Cell) else cell)
    if italic and text:
        text = rf"\textit{{{text}}}"
    elif text.startswith(("[", "*")):
        text = f"{{}}{text}"  # at the start of a line \\ would read it as its argument
    if isinstance(cell, Cell) and cell.span > 1:
        edge = "@{}" if cell.alignment == "l" else ""  # a heading begins where the table does
        return rf"\multicolumn{{{cell.span}}}{{{edge}{cell.alignment}}}{{{text}}}"
    return str(text)


def _line(row: Row) -> str:
    cells = " & ".join(_cell(cell, row.italic) for cell in row.cells)
    rule = "\\addlinespace[3pt]\n" if row.rule_above else ""
    return rf"{rule}{cells} \\"


def _group_rules(row: Row) -> str:
    """Rules under the header's cells that span several columns."""
    rules, column = [], 1
    for cell in row.cells:
        span = cell.span if isinstance(cell, Cell) else 1
        if span > 1:
            rules.append(rf"\cmidrule(lr){{{column}-{column + span - 1}}}")
        column += span
    return "".join(rules)


def to_tex(table: Table) -> str:
    r"""Print a table as LaTeX."""
    lines = ["% Generated from records: edits will be lost."]
    # A size in points, not \footnotesize, so that the width does not hang on the paper's class.
    lines += [r"\begingroup\fontsize{7.5}{9}\selectfont\setlength{\tabcolsep}{1.8pt}%"]
    lines += [rf"\begin{{tabular}}{{@{{}}{table.columns}@{{}}}}", r"\toprule"]
    for row in table.header:
        lines.append(_line(row))
        if rules := _group_rules(row):
            lines.append(rules)
    lines.append(r"\midrule")
    lines += [_line(row) for row in table.body]
    lines += [r"\bottomrule", r"\end{tabular}"]
    if table.notes:
        lines += [r"\par\smallskip", r"\begin{minipage}{\linewidth}\raggedright"]
        lines += [rf"{escape(note)}\par" for note in table.notes]
        lines += [r"\end{minipage}"]
    return "\n".join([*lines, r"\par\endgroup", ""])


def make_table(
    name: str,
    *,
    scale: str,
    records: Iterable[Path],
    gradients: Iterable[Path] = (),
    csv: Path,
    tex: Path,
    config_dir: Path = config.CONFIG_DIR,
    benchmarks: Iterable[Path] = (),
) -> None:
    """Make a table: its raw values as CSV, and its print as LaTeX."""
    table = tables.build(name, read_inputs(scale, records, gradients, config_dir, benchmarks))
    text = to_tex(table)
    write_atomically(csv, table.frame.to_csv(index=False, lineterminator="\n").encode())
    write_atomically(tex, text.encode())


def png_dpi(height_in: float) -> float:
    """Choose a resolution at which Snakemake's report, which cuts a picture off, shows all of it."""
    return min(200.0, 990 / height_in)


def make_figure(
    name: str,
    *,
    scale: str,
    records: Iterable[Path] = (),
    gradients: Iterable[Path] = (),
    pdf: Path,
    png: Path,
    config_dir: Path = config.CONFIG_DIR,
    benchmarks: Iterable[Path] = (),
) -> None:
    """Make a figure, as PDF for the paper and as PNG for the screen."""
    from partial_backprop.figures import style  # here, so that tables need not wait for matplotlib

    module = _figure(name)
    inputs = read_inputs(scale, records, gradients, config_dir, benchmarks)
    # Dates and the library's name would change the bytes from one build or version to the next.
    metadata = {
        "pdf": {"CreationDate": None, "ModDate": None, "Producer": None, "Creator": None},
        "png": {"Software": None},
    }
    saved = {}
    with style.applied():
        figure = module.draw(inputs)
        for kind in ("pdf", "png"):
            buffer = io.BytesIO()
            dpi = png_dpi(figure.get_figheight()) if kind == "png" else "figure"
            figure.savefig(buffer, format=kind, metadata=metadata[kind], dpi=dpi)
            saved[kind] = buffer.getvalue()
    write_atomically(pdf, saved["pdf"])
    write_atomically(png, saved["png"])


def make_frames(
    *,
    scale: str,
    records: Iterable[Path],
    folder: Path,
    config_dir: Path = config.CONFIG_DIR,
) -> None:
    """Save all records in four tidy tables: runs, layers, histories and configurations."""
    runs = read_inputs(scale, records, config_dir=config_dir).runs
    frames = {
        "runs": aggregate.runs_frame(runs),
        "layers": aggregate.layers_frame(runs),
        "histories": aggregate.histories_frame(runs),
        "configurations": configurations.frame(runs),
    }
    for name, frame in frames.items():
        text = frame.to_csv(index=False, lineterminator="\n")
        write_atomically(folder / f"{name}.csv", text.encode())
