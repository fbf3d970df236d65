"""Frames made by hand, and LaTeX where it is installed."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
import pytest

from partial_backprop import reported
from partial_backprop.reported import Reported

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def printed_numbers() -> Reported:
    """Numbers of the project's own ``reported.yaml``."""
    return reported.read(ROOT / "config")


@pytest.fixture(scope="session")
def tex() -> None:
    """Tests that run LaTeX ask for this and skip where it is absent."""
    for program in ("latexmk", "pdflatex", "bibtex", "pdftotext"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


Values = Mapping[tuple[str, str], list[float]]


@pytest.fixture
def frame() -> Callable[..., pd.DataFrame]:
    """Maker of frames like those of `aggregate.runs_frame`, from accuracies by arm."""

    def make(accuracies: Values, **columns: Mapping[tuple[str, str], float]) -> pd.DataFrame:
        rows = []
        for (experiment, arm), values in accuracies.items():
            for seed, value in enumerate(values):
                for rule, bonus in (("last", 0), ("best_on_validation", 0), ("paper_protocol", 1)):
                    row = {
                        "experiment": experiment,
                        "arm": arm,
                        "seed": seed,
                        "rule": rule,
                        "test_accuracy_percent": value + bonus,
                        "data": "digits" if experiment == "lenet5_mnist" else "scenes",
                        "n_classes": 10,
                        "epochs": 12,
                        "full_size": False,
                        "mask_zeros_percent": 80.0,
                    }
                    row |= {name: of.get((experiment, arm)) for name, of in columns.items()}
                    rows.append(row)
        return pd.DataFrame(rows)

    return make
