r"""From templates to LaTeX sources.

``paper/source/paper.tex.j2`` is the frame, and every file ``NN_name.tex.j2`` of ``sections/`` and of the
experiments' folders is one section, in the order of NN; from 90 on they are appendices. A section whose
first line is ``\#{ experiments: a b }`` appears only where one of these experiments ran.
"""

import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import jinja2

from partial_backprop import config, folders
from partial_backprop.errors import UserError
from partial_backprop.files import write_atomically
from partial_backprop.inputs import Inputs, read_inputs
from partial_backprop.paper import latex, macros, numbers
from partial_backprop.paper.context import context
from partial_backprop.paper.text import Tex, escape

SOURCE = Path("paper/source")
"""Where the templates and the references are."""

_NEEDS = re.compile(r"\\#\{\s*experiments:\s*([\w\s-]+?)\s*\}")
_APPENDIX = 90
_FILTERS = ("decimal", "integer", "listing", "percent", "plural")


class Section(NamedTuple):
    """A template that belongs to the article."""

    template: str
    in_appendix: bool


def sections(source: Path, ran: Iterable[str], config_dir: Path | None = None) -> list[Section]:
    """List the sections of an article."""
    available = set(ran)
    found = []
    paths = [*(source / "sections").glob("*.tex.j2")]
    paths += [path for _, path in folders.files("*.tex.j2", config_dir)]
    for path in sorted(paths, key=lambda path: (path.name, path.parent.name)):
        number = path.name.partition("_")[0]
        if not number.isdigit():
            raise UserError(f"{path}: a section's name begins with its number, such as 50_results")
        with path.open(encoding="utf-8") as file:
            needs = _NEEDS.match(file.readline())
        if needs is None or available & set(needs[1].split()):
            found.append(Section(f"{path.parent.name}/{path.name}", int(number) >= _APPENDIX))
    return found


def environment(source: Path, config_dir: Path | None = None) -> jinja2.Environment:
    r"""Set jinja2 up for LaTeX."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([source, *folders.roots(config_dir)]),
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
    made.filters |= {name: getattr(numbers, name) for name in _FILTERS} | {"tex": Tex}
    return made


def render(
    inputs: Inputs,
    tables: Sequence[Path],
    figures: Sequence[Path],
    out_dir: Path,
    source: Path = SOURCE,
) -> Path:
    """Write the LaTeX sources of an article into a folder that needs nothing else."""
    named = context(inputs, tables, figures)
    named["sections"] = sections(source, named["ran"], inputs.config_dir)
    try:
        made = environment(source, inputs.config_dir)
        text = made.get_template("paper.tex.j2").render(named)
    except jinja2.TemplateSyntaxError as error:
        raise UserError(f"{error.filename}, line {error.lineno}: {error.message}") from None
    except jinja2.TemplateError as error:
        raise UserError(f"a template of {source} cannot be filled in: {error}") from None
    shutil.rmtree(out_dir / "figures", ignore_errors=True)
    _copy(figures, out_dir / "figures")
    _copy([source / "references.bib"], out_dir)
    write_atomically(out_dir / "macros.tex", macros.to_tex(macros.collect(inputs)).encode())
    main = out_dir / f"{latex.NAME}.tex"
    write_atomically(main, re.sub(r"\n{3,}", "\n\n", text).encode())
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
    """Make the PDF of a scale's article; its LaTeX sources stay in ``build/SCALE`` beside it."""
    folder = pdf.parent / "build" / scale
    inputs = read_inputs(scale, records, gradients, config_dir, benchmarks)
    render(inputs, tables, figures, folder, source)
    return latex.compile(folder, pdf)
