r"""From templates to LaTeX sources.

``paper/source/paper.tex.j2`` is the frame, and every file of ``sections/`` is one section:
``NN_name.tex.j2``, in the order of NN; from 90 on they are appendices. A section whose first line
is ``\#{ experiments: a b }`` appears only at scales that have one of these experiments.
"""

import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import jinja2

from partial_backprop import config
from partial_backprop.errors import UserError
from partial_backprop.files import write_atomically
from partial_backprop.inputs import read_inputs
from partial_backprop.paper import latex, macros
from partial_backprop.paper.context import context
from partial_backprop.paper.text import escape

SOURCE = Path("paper/source")
"""Where the templates and the references are."""

_NEEDS = re.compile(r"\\#\{\s*experiments:\s*([\w\s-]+?)\s*\}")
_APPENDIX = 90


class Section(NamedTuple):
    """A template that belongs to the article."""

    template: str
    in_appendix: bool


def sections(source: Path, experiments: Iterable[str]) -> list[Section]:
    """List the sections of a scale.

    Parameters
    ----------
    source : pathlib.Path
        Folder with ``sections/``.
    experiments : iterable of str
        Experiments of the scale.

    Returns
    -------
    list of Section
        In their order.

    Raises
    ------
    UserError
        If a file's name does not begin with its number.
    """
    available = set(experiments)
    found = []
    for path in sorted((source / "sections").glob("*.tex.j2")):
        number = path.name.partition("_")[0]
        if not number.isdigit():
            raise UserError(f"{path}: a section's name begins with its number, such as 50_results")
        with path.open(encoding="utf-8") as file:
            needs = _NEEDS.match(file.readline())
        if needs is None or available & set(needs[1].split()):
            found.append(Section(f"sections/{path.name}", int(number) >= _APPENDIX))
    return found


def environment(source: Path) -> jinja2.Environment:
    r"""Set jinja2 up for LaTeX.

    Parameters
    ----------
    source : pathlib.Path
        Folder of the templates.

    Returns
    -------
    jinja2.Environment
        Delimiters ``\VAR{…}``, ``\BLOCK{…}`` and ``\#{…}``; what is not `Tex` is escaped; a name
        that does not exist is an error.
    """
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(source),
        variable_start_string=r"\VAR{",
        variable_end_string="}",
        block_start_string=r"\BLOCK{",
        block_end_string="}",
        comment_start_string=r"\#{",
        comment_end_string="}",
        undefined=jinja2.StrictUndefined,
        finalize=escape,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # HTML's; `finalize` does LaTeX's
    )


def render(
    scale: str,
    records: Iterable[Path],
    gradients: Iterable[Path],
    tables: Sequence[Path],
    figures: Sequence[Path],
    out_dir: Path,
    config_dir: Path = config.CONFIG_DIR,
    source: Path = SOURCE,
    benchmarks: Iterable[Path] = (),
) -> Path:
    """Write the LaTeX sources of a scale's article into a folder that needs nothing else.

    Parameters
    ----------
    scale : str
        Name of the scale.
    records, gradients : iterable of pathlib.Path
        Files ``record.json`` and ``gradients.json``.
    tables, figures : sequence of pathlib.Path
        LaTeX tables and PDF figures; their stems are their names in the templates.
    out_dir : pathlib.Path
        The folder; what it holds is replaced.
    config_dir, source : pathlib.Path
        The configuration folder, and that of the templates.
    benchmarks : iterable of pathlib.Path
        Files of ``results/bench``.

    Returns
    -------
    pathlib.Path
        ``paper.tex`` in `out_dir`; beside it ``macros.tex``, ``references.bib``, tables and figures.

    Raises
    ------
    UserError
        If an input is missing, damaged or outdated, or a template has an error.
    """
    inputs = read_inputs(scale, records, gradients, config_dir, benchmarks)
    experiments = {run.record.experiment for run in inputs.runs}
    experiments |= config.read_scale(scale, config_dir).experiments.keys()
    named = context(inputs, tables, figures)
    named["sections"] = sections(source, experiments)
    try:
        text = environment(source).get_template("paper.tex.j2").render(named)
    except jinja2.TemplateSyntaxError as error:
        raise UserError(f"{error.filename}, line {error.lineno}: {error.message}") from None
    except jinja2.TemplateError as error:
        raise UserError(f"a template of {source} cannot be filled in: {error}") from None
    for folder in ("tables", "figures"):
        shutil.rmtree(out_dir / folder, ignore_errors=True)
    _copy(tables, out_dir / "tables")
    _copy(figures, out_dir / "figures")
    _copy([source / "references.bib"], out_dir)
    write_atomically(out_dir / "macros.tex", macros.to_tex(macros.collect(inputs)).encode())
    main = out_dir / f"{latex.NAME}.tex"
    write_atomically(main, text.encode())
    return main


def _copy(paths: Iterable[Path], folder: Path) -> None:
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UserError(
                f"cannot read {path}: {error.strerror}; make it before the paper"
            ) from None
        write_atomically(folder / path.name, content)


def build(
    scale: str,
    *,
    records: Iterable[Path],
    gradients: Iterable[Path],
    tables: Sequence[Path],
    figures: Sequence[Path],
    pdf: Path,
    config_dir: Path = config.CONFIG_DIR,
    source: Path = SOURCE,
    benchmarks: Iterable[Path] = (),
) -> Path:
    """Make the PDF of a scale's article; its LaTeX sources stay in ``build/SCALE`` beside it.

    Parameters
    ----------
    scale : str
        Name of the scale.
    records, gradients : iterable of pathlib.Path
        Files ``record.json`` and ``gradients.json``.
    tables, figures : sequence of pathlib.Path
        LaTeX tables and PDF figures.
    pdf : pathlib.Path
        Where to.
    config_dir, source : pathlib.Path
        The configuration folder, and that of the templates.
    benchmarks : iterable of pathlib.Path
        Files of ``results/bench``.

    Returns
    -------
    pathlib.Path
        `pdf`.

    Raises
    ------
    UserError
        If an input is missing, damaged or outdated, TeX is not installed, or LaTeX fails.
    """
    folder = pdf.parent / "build" / scale
    render(scale, records, gradients, tables, figures, folder, config_dir, source, benchmarks)
    return latex.compile(folder, pdf)
