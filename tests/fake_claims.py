"""Results of FB, PB and other arms made by hand, for claims to be judged on."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from partial_backprop.report.frame import Results
from partial_backprop.report.rows import COLUMNS

N_IMAGES = 10_000
WHAT = {
    "experiment": "lenet5_mnist",
    "arm": "pb",
    "metric": "test_accuracy_percent",
    "stage": "last",
}
"""What the claims made here measure."""


def frame(values: Mapping[str, Sequence[float]], metric: str = WHAT["metric"]) -> pd.DataFrame:
    """Results frame of arms, one value per seed."""
    rows = [
        {**WHAT, "arm": arm, "metric": metric, "seed": seed, "value": value, "n": N_IMAGES}
        for arm, of_arm in values.items()
        for seed, value in enumerate(of_arm)
    ]
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def from_bits(bits: Mapping[str, np.ndarray]) -> Results:
    """Results of arms whose right images are known, of shape (seeds, images)."""
    values = {arm: 100 * of_arm.mean(axis=1) for arm, of_arm in bits.items()}
    keyed = {
        (WHAT["experiment"], arm, seed, WHAT["stage"]): row
        for arm, of_arm in bits.items()
        for seed, row in enumerate(of_arm)
    }
    made = frame(values)
    made["n"] = next(iter(bits.values())).shape[1]
    return Results(made, (), keyed)
