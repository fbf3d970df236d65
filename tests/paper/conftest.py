"""LaTeX where it is installed, and ledgers that are judged fast."""

import functools
import shutil

import pytest

from partial_backprop.report import judge, ledger


@pytest.fixture(scope="session")
def tex() -> None:
    """Tests that run LaTeX ask for this."""
    for program in ("latexmk", "pdflatex", "bibtex", "pdftotext"):
        assert shutil.which(program), f"{program} is not installed: `make test` installs it"


@pytest.fixture(scope="module", autouse=True)
def few_draws() -> None:
    """Let bootstraps be short: no test of the paper looks at their ends."""
    patch = pytest.MonkeyPatch()
    patch.setattr(ledger, "judge", functools.partial(judge.judge, draws=50))
    yield
    patch.undo()
