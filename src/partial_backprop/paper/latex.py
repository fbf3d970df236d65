"""Run LaTeX on a folder of sources, and read its log."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from partial_backprop.errors import UserError
from partial_backprop.files import write_atomically

NAME = "paper"
"""Stem of the main file in a folder of sources."""

DEBIAN_PACKAGES = (
    "texlive-latex-base",
    "texlive-latex-recommended",
    "texlive-fonts-recommended",
    "lmodern",
    "latexmk",
)
"""What a Debian or Ubuntu machine needs to make the paper."""

EPOCH = "1577836800"
"""SOURCE_DATE_EPOCH of every PDF (2020-01-01), since a date of its own would change its bytes."""

_KEPT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")

_INSTALL = f"apt-get install --no-install-recommends {' '.join(DEBIAN_PACKAGES)}"
_OVERFULL = re.compile(r"^Overfull \\hbox \((\d+(?:\.\d+)?)pt too wide\).*$", re.MULTILINE)
_UNDEFINED = re.compile(r"(?:Reference|Citation) `([^']+)'.*undefined")
_ERROR = re.compile(r"^(?:\./)?\S+?:\d+: .+$|^! .+$", re.MULTILINE)


def overfull(log: str) -> list[tuple[float, str]]:
    r"""List the lines and boxes of a log that are too wide."""
    return [(float(match[1]), match[0]) for match in _OVERFULL.finditer(log)]


def undefined(log: str) -> list[str]:
    r"""List the keys of references and citations that the log calls undefined."""
    return sorted(set(_UNDEFINED.findall(log)))


def pages(log: str) -> tuple[int, int]:
    r"""Count an article's pages, which its frame writes into the log."""
    before, last = (int(re.findall(rf"^{key}: (\d+)$", log, re.MULTILINE)[-1])
                    for key in ("page-of-references", "page-at-the-end"))  # fmt: skip
    return before - 1, last - before + 1


def compile(tex_dir: Path, pdf: Path, *, timeout_s: float = 300) -> Path:
    r"""Make a PDF from a folder of LaTeX sources.

    The folder is copied to a temporary one and LaTeX runs there, with a fixed date: the same
    sources give the same bytes, and nothing is left beside them but the log.
    """
    for program in ("latexmk", "pdflatex", "bibtex"):
        if shutil.which(program) is None:
            raise UserError(f"{program} is not installed and the paper needs it: {_INSTALL}")
    kept_log = tex_dir / f"{NAME}.log"
    with tempfile.TemporaryDirectory(prefix="paper-") as temporary:
        folder = Path(temporary) / "source"
        shutil.copytree(tex_dir, folder, ignore=shutil.ignore_patterns("*.log"))
        failure = _latexmk(folder, timeout_s)
        log_path = folder / f"{NAME}.log"
        log = log_path.read_text(encoding="utf-8", errors="replace") if log_path.exists() else ""
        write_atomically(kept_log, log.encode())
        if failure is not None:
            raise UserError(f"the paper does not compile: {_cause(log, failure)} (log: {kept_log})")
        if missing := undefined(log):
            raise UserError(
                f"the paper refers to what is not in it: {', '.join(missing)} (log: {kept_log})"
            )
        write_atomically(pdf, (folder / f"{NAME}.pdf").read_bytes())
    return pdf


def _latexmk(folder: Path, timeout_s: float) -> str | None:
    # Of the user's variables only those without which programs do not run: TEXINPUTS and its kin would
    # bring other files into the paper, or hide those that it needs.
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {
        "SOURCE_DATE_EPOCH": EPOCH,
        "FORCE_SOURCE_DATE": "1",
        "max_print_line": "1000",  # else the log breaks its lines at 79 characters
        "TZ": "UTC",
    }
    options = ["-pdf", "-norc", "-interaction=nonstopmode", "-halt-on-error", "-file-line-error"]
    command = ["latexmk", *options, "-no-shell-escape", f"{NAME}.tex"]
    # In a session of its own, since stopping latexmk alone would leave its pdflatex running.
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        printed, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return f"latexmk took longer than {timeout_s:g} seconds"
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode == 0:
        return None
    lines = printed.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"latexmk ended with status {process.returncode}"


def _cause(log: str, failure: str) -> str:
    match = _ERROR.search(log)
    cause = " ".join(match[0].split()) if match else failure
    if re.search(r"\.(?:sty|cls|fd|def)' not found", cause):
        cause += f"; install it with {_INSTALL}"
    return cause
