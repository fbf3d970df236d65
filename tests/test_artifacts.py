"""Files of tables and figures: names, bytes, LaTeX."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib
import pandas as pd
import pytest

import fakes
from partial_backprop import artifacts, captions, labels, table_entries
from partial_backprop.errors import UserError
from partial_backprop.inputs import read_inputs
from partial_backprop.paper.text import escape
from partial_backprop.report.layout import Cell, Row, Table

ROOT = Path(__file__).parents[1]
TABLES = artifacts.names("tables")
FIGURES = artifacts.names("figures")


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    root = tmp_path_factory.mktemp("campaign")
    folder = fakes.write_config(root)
    records, gradients = fakes.write_campaign(root, folder)
    return {
        "scale": fakes.SCALE,
        "records": records,
        "gradients": gradients,
        "config_dir": folder,
    }


def test_names() -> None:
    labs = ["lab1", "lab2_layers", "lab2_pruning", "lab3_joint", "lab3_quantization"]
    labs += ["mask_stability", "statements"]
    prunings = ["filter_pruning", "gradients"]
    paths = sorted(f"dessilbi_{n}" for n in range(1, 11))
    tables = [
        "1",
        "2",
        "arms",
        "bench",
        "captioning",
        "claims",
        "criteria",
        *paths,
        *prunings,
        *labs,
        "tinyscript",
        "weight_pruning",
    ]
    figures = ["1", "2", "3", "4", "5", "bench", "claims", "dessilbi", "filter_pruning", "kde"]
    figures += ["lab1", "lab2", "lab3", "movement", "tinyscript"]
    assert [name.removeprefix("table_") for name in TABLES] == tables
    assert [name.removeprefix("figure_") for name in FIGURES] == figures


def test_every_artefact_has_its_caption() -> None:
    assert set(captions.read(ROOT / "config")) == {"paper", *TABLES, *FIGURES}


@pytest.mark.parametrize("height_in", [1.0, 4.9, 5.0, 8.5])
def test_no_picture_is_too_high_for_the_report(height_in: float) -> None:
    assert artifacts.png_dpi(height_in) * height_in < 1000
    assert artifacts.png_dpi(height_in) <= 200


def test_an_unknown_name_lists_the_valid_ones(tmp_path: Path, campaign: dict) -> None:
    with pytest.raises(UserError, match="choose one of table_1, table_2"):
        artifacts.make_table("table_9", csv=tmp_path / "c", tex=tmp_path / "t", **campaign)
    with pytest.raises(UserError, match="unknown name 'style' in figures"):
        artifacts.make_figure("style", pdf=tmp_path / "p", png=tmp_path / "q", **campaign)


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_tables_are_the_same_byte_for_byte(name: str, tmp_path: Path, campaign: dict) -> None:
    files = {}
    for time in ("first", "second"):
        paths = [tmp_path / time / f"{name}.{suffix}" for suffix in ("csv", "tex")]
        artifacts.make_table(name, csv=paths[0], tex=paths[1], **campaign)
        files[time] = [path.read_bytes() for path in paths]
        assert sorted(path.parent.iterdir() for path in paths[:1])
        assert len(list((tmp_path / time).iterdir())) == 2
    assert files["first"] == files["second"]


SETTINGS = """\
savefig.bbox: tight
font.weight: bold
font.family: serif
text.usetex: True
axes.grid: True
pdf.compression: 0
backend: nonsense
no.such.key: 3
"""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return drawn_by_command(tmp_path_factory.mktemp("undisturbed"))


def drawn_by_command(folder: Path, **variables: str) -> dict[str, bytes]:
    """Figure 1, which needs no run, as a user's shell would make it: kind -> bytes."""
    words = ["figure", "figure_1", "--scale", "smoke", "--out", str(folder / "figure_1.pdf")]
    subprocess.run(
        [sys.executable, "-m", "partial_backprop", *words],
        cwd=ROOT,
        env=os.environ | variables,
        check=True,
    )
    return {kind: (folder / f"figure_1.{kind}").read_bytes() for kind in ("pdf", "png")}


def test_a_user_s_settings_of_matplotlib_change_no_figure(
    tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    (tmp_path / "matplotlib").mkdir()
    (tmp_path / "matplotlib" / "matplotlibrc").write_text(SETTINGS)
    assert drawn_by_command(tmp_path, XDG_CONFIG_HOME=str(tmp_path)) == undisturbed


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "qtagg", "x"])
def test_a_user_s_backend_of_matplotlib_does_not_matter(
    tmp_path: Path, undisturbed: dict[str, bytes], backend: str
) -> None:
    assert drawn_by_command(tmp_path, MPLBACKEND=backend) == undisturbed


def test_settings_made_in_this_process_change_no_figure(
    tmp_path: Path, undisturbed: dict[str, bytes], campaign: dict
) -> None:
    paths = tmp_path / "figure_1.pdf", tmp_path / "figure_1.png"
    with matplotlib.rc_context({"font.weight": "bold", "axes.grid": True, "savefig.bbox": "tight"}):
        artifacts.make_figure("figure_1", pdf=paths[0], png=paths[1], **campaign)
        assert matplotlib.rcParams["font.weight"] == "bold"
    assert paths[1].read_bytes() == undisturbed["png"]


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_the_same_byte_for_byte(name: str, tmp_path: Path, campaign: dict) -> None:
    files = {}
    for time in ("first", "second"):
        paths = [tmp_path / time / f"{name}.{suffix}" for suffix in ("pdf", "png")]
        artifacts.make_figure(name, pdf=paths[0], png=paths[1], **campaign)
        files[time] = [path.read_bytes() for path in paths]
    assert files["first"] == files["second"]
    pdf, png = files["first"]
    assert b"CreationDate" not in pdf
    assert b"Software" not in png
    assert b"/Type3" not in pdf.replace(b" ", b"")


@pytest.mark.parametrize("name", TABLES)
def test_the_csv_reads_back_in_full_precision(name: str, tmp_path: Path, campaign: dict) -> None:
    csv = tmp_path / "t.csv"
    artifacts.make_table(name, csv=csv, tex=tmp_path / "t.tex", **campaign)
    inputs = read_inputs(
        campaign["scale"], campaign["records"], campaign["gradients"], campaign["config_dir"]
    )
    frame = artifacts.tables.build(name, inputs).frame
    read = pd.read_csv(csv)
    numbers = frame.select_dtypes("float").columns
    assert len(numbers) > 5 or set(frame.get("status", ["not run"])) == {"not run"}
    pd.testing.assert_frame_equal(read[numbers], frame[numbers], check_exact=True)


def columns_of(line: str) -> int:
    """Columns that a line of a tabular fills."""
    cells = re.split(r"(?<!\\)&", line)
    return sum(
        int(match[1]) if (match := re.search(r"\\multicolumn\{(\d+)\}", cell)) else 1
        for cell in cells
    )


@pytest.mark.parametrize("name", sorted({*TABLES} - {"table_bench"}))  # which is of no scale
def test_every_line_of_the_latex_fills_the_columns(
    name: str, tmp_path: Path, campaign: dict
) -> None:
    tex = tmp_path / "t.tex"
    artifacts.make_table(name, csv=tmp_path / "t.csv", tex=tex, **campaign)
    text = tex.read_text(encoding="utf-8")
    spec = re.search(r"\\begin\{tabular\}\{@\{\}([lcr]+)@\{\}\}", text)[1]
    body = text.split(r"\toprule")[1].split(r"\bottomrule")[0]
    lines = [line for line in body.splitlines() if line.endswith(r"\\")]
    assert len(lines) > 2
    assert {columns_of(line) for line in lines} == {len(spec)}
    assert text.replace(escape(fakes.TITLE), "").isascii()
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    assert r"100 \% synthetic\_data" in text


def test_special_characters_are_escaped() -> None:
    frame = pd.DataFrame({"a": [1]})
    nasty = r"[50%] a_b & $x$ #1 {y} \z ~^"
    rows = (Row((nasty, "1 ± 2")), Row((Cell("*star", 2, "l"),), italic=True, rule_above=True))
    text = artifacts.to_tex(Table(frame, "lr", (Row(("h%", "−1")),), rows, (r"note & \input{x}",)))
    assert r"{}[50\%] a\_b \& \$x\$ \#1 \{y\} \textbackslash{}z" in text
    assert r"h\% & \ensuremath{-}1 \\" in text
    assert r"\multicolumn{2}{@{}l}{\textit{*star}}" in text
    assert r"note \& \textbackslash{}input\{x\}" in text


DOCUMENT = r"""\documentclass[11pt]{article}
\usepackage[T1]{fontenc}\usepackage{lmodern,booktabs,textcomp}
\usepackage[textwidth=6.5in,textheight=9in]{geometry}
\begin{document}%s\end{document}"""


@pytest.mark.tex
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="TeX is not installed")
@pytest.mark.parametrize("seeds", [(0, 1), (0, 1, 2)])
def test_tables_compile_and_fit_the_page(seeds: tuple[int, ...], tmp_path: Path) -> None:
    folder = fakes.write_config(tmp_path)
    records, gradients = fakes.write_campaign(tmp_path, folder, seeds=seeds)
    for name in TABLES:
        artifacts.make_table(
            name,
            scale=fakes.SCALE,
            records=records,
            gradients=gradients,
            csv=tmp_path / f"{name}.csv",
            tex=tmp_path / f"{name}.tex",
            config_dir=folder,
        )
    inputs = "".join(rf"\begin{{table}}\input{{{name}}}\end{{table}}" for name in TABLES)
    (tmp_path / "document.tex").write_text(DOCUMENT % inputs)
    subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "document.tex"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    assert "Overfull" not in (tmp_path / "document.log").read_text(errors="replace")


def test_nothing_here_imports_torch(tmp_path: Path, campaign: dict) -> None:
    called = {one for name in TABLES for one in table_entries.made_from(name)[1]}
    modules = [f"partial_backprop.{name}" for name in called]
    modules += [f"partial_backprop.figures.{name}" for name in FIGURES]
    code = f"import sys, partial_backprop.artifacts, {', '.join(modules)}\n"
    code += "assert 'torch' not in sys.modules, 'torch'\n"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_labels_name_every_arm_of_the_experiments() -> None:
    assert set(fakes.ARMS) <= set(labels.ARMS)
    assert labels.arm("pb_new") == "pb new"
    assert labels.data("unheard-of") == "unheard-of"
