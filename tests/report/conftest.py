"""Claims and results made by hand."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fake_claims import WHAT

from partial_backprop import reported
from partial_backprop.report import claims, judge
from partial_backprop.report.frame import Results
from partial_backprop.report.verdict import Judgement
from partial_backprop.reported import Reported

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def printed_numbers() -> Reported:
    """Numbers of the project's own ``reported.yaml``."""
    return reported.read(ROOT / "config")


@pytest.fixture
def judged(printed_numbers: Reported) -> Callable[..., Judgement]:
    """Judge of one claim, made of its fields, on some results."""

    def made(
        results: Results, draws: int = 2000, document: str = "001", **fields: object
    ) -> Judgement:
        claim = {"line": 1, "claim": "a claim", "what": WHAT, **fields}
        claim = {key: value for key, value in claim.items() if value is not None}
        source = claims.Source(
            source="source", document=document, title="A source", conditions={}, claims={"C": claim}
        )
        (found,) = judge.judge([source], results, printed_numbers, draws)
        return found

    return made
