"""Files of tables and figures: names, bytes, LaTeX."""

import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import pandas as pd
import pytest
from tests import fakes

from partial_backprop import artifacts, captions, labels, table_entries
from partial_backprop.errors import UserError
from partial_backprop.inputs import Inputs
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
    """Those that the sources' own numbers ask for; all others are found as they are added."""
    assert {"table_1", "table_2", *(f"table_dessilbi_{n}" for n in range(1, 11))} <= set(TABLES)
    assert {*(f"figure_{n}" for n in range(1, 6)), "figure_kde", "figure_claims"} <= set(FIGURES)


def test_every_artefact_has_its_caption() -> None:
    assert set(captions.read(ROOT / "config")) == {"paper", *TABLES, *FIGURES}


@pytest.mark.parametrize("height_in", [1.0, 4.9, 5.0, 8.5])
def test_no_picture_is_too_high_for_the_report(height_in: float) -> None:
    assert artifacts.png_dpi(height_in) * height_in < 1000
    assert artifacts.png_dpi(height_in) <= 200


def test_an_unknown_name_lists_the_valid_ones(tmp_path: Path, campaign: dict) -> None:
    with pytest.raises(UserError, match="table_1"):
        artifacts.make_table("table_9", csv=tmp_path / "c", tex=tmp_path / "t", **campaign)
    with pytest.raises(UserError, match=r"'style'.*figures"):
        artifacts.make_figure("style", pdf=tmp_path / "p", png=tmp_path / "q", **campaign)


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


@pytest.mark.slow
def test_a_user_s_settings_of_matplotlib_change_no_figure(
    tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    (tmp_path / "matplotlib").mkdir()
    (tmp_path / "matplotlib" / "matplotlibrc").write_text(SETTINGS)
    backend = "module://matplotlib_inline.backend_inline"
    found = drawn_by_command(tmp_path, XDG_CONFIG_HOME=str(tmp_path), MPLBACKEND=backend)
    assert found == undisturbed


@pytest.mark.slow
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
def test_files_of_a_figure_hold_neither_dates_nor_versions(
    name: str, tmp_path: Path, full: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts, "read_inputs", lambda *_: full)
    pdf, png = (tmp_path / f"{name}.{suffix}" for suffix in ("pdf", "png"))
    artifacts.make_figure(name, scale=fakes.SCALE, pdf=pdf, png=png)
    assert b"CreationDate" not in pdf.read_bytes()
    assert b"Software" not in png.read_bytes()
    assert b"/Type3" not in pdf.read_bytes().replace(b" ", b"")


@pytest.mark.parametrize("name", ["table_2", "figure_3"])
def test_the_same_records_give_the_same_bytes(name: str, tmp_path: Path, campaign: dict) -> None:
    make, kinds = artifacts.make_figure, ("pdf", "png")
    if name in TABLES:
        make, kinds = artifacts.make_table, ("csv", "tex")
    files = []
    for time in ("first", "second"):
        paths = {kind: tmp_path / time / f"{name}.{kind}" for kind in kinds}
        make(name, **paths, **campaign)
        assert len(list((tmp_path / time).iterdir())) == 2
        files.append([path.read_bytes() for path in paths.values()])
    assert files[0] == files[1]


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
def test_tables_compile_and_fit_the_page(tmp_path: Path, full: Inputs) -> None:
    for name in TABLES:
        text = artifacts.to_tex(artifacts.tables.build(name, full))
        (tmp_path / f"{name}.tex").write_text(text, encoding="utf-8")
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
    modules += [f"partial_backprop.{artifacts.figure_module(name)}" for name in FIGURES]
    code = f"import sys, partial_backprop.artifacts, {', '.join(modules)}\n"
    code += "assert 'torch' not in sys.modules, 'torch'\n"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_labels_name_every_arm_of_the_experiments() -> None:
    assert set(fakes.ARMS) <= set(labels.arms())
    assert labels.arm("pb_new") == "pb new"
    assert labels.data("unheard-of") == "unheard-of"
