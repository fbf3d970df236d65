"""Which of DessiLBI's paths differ in one hyperparameter only (dessilbi2020, tables 2 to 5)."""

import pandas as pd

TUNED = {"vgg16": "dessilbi_vgg16", "resnet56": "dessilbi_resnet56"}
"""Network -> its experiment: an arm a value of κ or ν, and `BASE`."""

BASE = "base"
OTHER = {"kappa": "nu", "nu": "kappa"}


def varied(frame: pd.DataFrame, which: str, experiment: str) -> dict[float, str]:
    """List a hyperparameter's values from low to high, each with the arm that differs in it alone."""
    own = frame[frame["experiment"].eq(experiment)]
    settings = {
        name: own[own["metric"].eq(f"setting.{name}")]
        .drop_duplicates("arm")
        .set_index("arm")["value"]
        for name in OTHER
    }
    other = settings[OTHER[which]]
    if BASE not in other:
        return {}
    same = other.index[other.eq(other[BASE])]
    return {settings[which][arm]: arm for arm in sorted(same, key=settings[which].get)}
