"""LaTeX runs in a folder of its own, gives the same bytes twice, and fails in one clear line."""

import os
import tempfile
from pathlib import Path

import psutil
import pytest

from partial_backprop.errors import UserError
from partial_backprop.paper import latex

PREAMBLE = r"\pdftrailerid{}\pdfsuppressptexinfo=-1\pdfinfoomitdate=1"


def write(folder: Path, body: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = rf"{PREAMBLE}\documentclass{{article}}\begin{{document}}{body}\end{{document}}"
    (folder / "paper.tex").write_text(text, encoding="utf-8")
    return folder


def test_same_sources_give_the_same_bytes_wherever_they_are(tmp_path, tex):
    body = r"\today, \jobname, $\alpha$"
    first = latex.compile(write(tmp_path / "a", body), tmp_path / "first.pdf").read_bytes()
    second = latex.compile(write(tmp_path / "b c" / "d", body), tmp_path / "x" / "2.pdf")
    assert first == second.read_bytes()
    assert str(tmp_path).encode() not in first


def test_nothing_but_the_log_is_left_beside_the_sources(tmp_path, tex):
    folder = write(tmp_path / "source", "text")
    latex.compile(folder, tmp_path / "out.pdf")
    assert {path.name for path in folder.iterdir()} == {"paper.tex", "paper.log"}


def test_an_error_is_one_line_that_names_it_and_the_log(tmp_path, tex):
    folder = write(tmp_path, r"\nosuchmacro")
    with pytest.raises(UserError, match="Undefined control sequence") as caught:
        latex.compile(folder, tmp_path / "out.pdf")
    assert "\n" not in str(caught.value)
    assert str(folder / "paper.log") in str(caught.value)
    assert "nosuchmacro" in (folder / "paper.log").read_text(encoding="utf-8")
    assert not (tmp_path / "out.pdf").exists()


def test_a_missing_package_says_what_to_install(tmp_path, tex):
    folder = write(tmp_path, "")
    (folder / "paper.tex").write_text(
        r"\documentclass{article}\usepackage{nosuchpackage}\begin{document}x\end{document}",
        encoding="utf-8",
    )
    with pytest.raises(UserError, match=r"nosuchpackage.sty'.*install"):
        latex.compile(folder, tmp_path / "out.pdf")


@pytest.mark.parametrize(
    ("body", "key"), [(r"\ref{sec:gone}", "sec:gone"), (r"\cite{x2020}", "x2020")]
)
def test_what_is_referred_to_must_exist(tmp_path, tex, body, key):
    with pytest.raises(UserError, match=f"not in it: {key}"):
        latex.compile(write(tmp_path, f"x {body}"), tmp_path / "out.pdf")
    assert not (tmp_path / "out.pdf").exists()


def test_a_wide_box_is_listed_with_its_excess(tmp_path, tex):
    latex.compile(write(tmp_path, r"\noindent\rule{500pt}{1pt}"), tmp_path / "out.pdf")
    ((excess, line),) = latex.overfull((tmp_path / "paper.log").read_text(encoding="utf-8"))
    assert excess == pytest.approx(500 - 345)  # article's \textwidth is 345pt
    assert "500" not in line.split("pt")[0]


def test_endless_latex_is_stopped_with_all_its_processes(tmp_path, tex, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    folder = write(tmp_path / "source", r"\def\again{\again}\again")
    with pytest.raises(UserError, match="longer than 1 seconds"):
        latex.compile(folder, tmp_path / "out.pdf", timeout_s=1)
    left = [process for process in psutil.process_iter() if is_in(tmp_path, process)]
    _, alive = psutil.wait_procs(left, timeout=5)  # a killed process takes a moment to end
    assert not alive


def is_in(folder, process):
    try:
        return process.cwd().startswith(str(folder))
    except psutil.Error:  # it has ended, or is not ours to look at
        return False


def test_without_tex_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="latexmk is not installed") as caught:
        latex.compile(write(tmp_path / "source", "x"), tmp_path / "out.pdf")
    for package in latex.DEBIAN_PACKAGES:
        assert package in str(caught.value)


def test_a_user_s_own_settings_of_latexmk_are_not_read(tmp_path, tex, monkeypatch):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".latexmkrc").write_text("die 'read';", encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert os.environ["HOME"] == str(tmp_path / "home")
    assert latex.compile(write(tmp_path / "source", "x"), tmp_path / "out.pdf").exists()


@pytest.mark.parametrize("name", ["TEXINPUTS", "BSTINPUTS", "TEXMFCNF", "TEXFORMATS"])
def test_a_user_s_search_paths_of_tex_are_not_read(tmp_path, tex, monkeypatch, name):
    monkeypatch.setenv(name, "/nowhere")
    assert latex.compile(write(tmp_path / "source", "x"), tmp_path / "out.pdf").exists()


def test_a_failure_leaves_the_last_pdf(tmp_path, tex):
    (tmp_path / "out.pdf").write_bytes(b"the last one")
    with pytest.raises(UserError):
        latex.compile(write(tmp_path / "source", r"\nosuchmacro"), tmp_path / "out.pdf")
    assert (tmp_path / "out.pdf").read_bytes() == b"the last one"
