"""LaTeX where it is installed, and ledgers that are judged fast."""

import shutil

import pytest


@pytest.fixture(scope="session")
def tex() -> None:
    """Tests that run LaTeX ask for this."""
    for program in ("latexmk", "pdflatex", "bibtex", "pdftotext"):
        assert shutil.which(program), f"{program} is not installed: `make test` installs it"


@pytest.fixture(scope="module", autouse=True)
def _fast(few_draws) -> None:
    """No test of the paper looks at the ends of a bootstrap."""
