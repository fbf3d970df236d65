"""What the article says of κ, ν and the growth of the support (seed 004, tables 2 to 5)."""

import pandas as pd

from partial_backprop.frames import inclusion_arms, inclusion_frames
from partial_backprop.frames.inclusion_arms import TUNED
from partial_backprop.inputs import Inputs
from partial_backprop.paper.compare import NOT_RUN
from partial_backprop.paper.dessilbi_words import failure, learned
from partial_backprop.paper.numbers import decimal, listing, percent
from partial_backprop.paper.text import Tex, escape

SIGNS = {"kappa": r"$\kappa$", "nu": r"$\nu$"}


def sentences(inputs: Inputs) -> dict[str, Tex]:
    """Say what κ and ν do.

    Parameters
    ----------
    inputs : Inputs
        Runs of any experiments.

    Returns
    -------
    dict
        Topics ``kappa``, ``nu``, ``growth``, and ``failures``, the networks that did not learn.
    """
    found = {which: inclusion_frames.varied(inputs.runs, which) for which in SIGNS}
    return {
        "kappa": _each(found["kappa"], "kappa"),
        "nu": _each(found["nu"], "nu"),
        "growth": _growth(found["nu"]),
        "failures": _failures(found["nu"]),
    }


def _networks(found: pd.DataFrame) -> list[tuple[Tex, pd.DataFrame]]:
    """Find the networks that ran, and learned anything."""
    pairs = [(network, found[found["network"].eq(network)]) for network in TUNED]
    return [
        (escape(inclusion_arms.title(name)), own)
        for name, own in pairs
        if learned(own["full_test_percent"], own["chance_percent"])
    ]


def _failures(found: pd.DataFrame) -> Tex:
    text = [
        failure(inclusion_arms.title(network), own["full_test_percent"])
        for network, own in found.groupby("network", sort=False)
        if not learned(own["full_test_percent"], own["chance_percent"])
    ]
    return Tex(" ".join(text))


def _ends(own: pd.DataFrame, which: str, column: str) -> pd.Series:
    """Value of the hyperparameter -> mean over seeds at the last epoch."""
    last = own[own["after"].eq(own.groupby(which)["after"].transform("max"))]
    return last.groupby(which)[column].mean()


def _each(found: pd.DataFrame, which: str) -> Tex:
    """Say of each network what the density and the sparse network are at both ends."""
    text = []
    for name, own in _networks(found):
        density = _ends(own, which, "density_percent")
        if len(density) < 2:
            continue
        sparse, full = (_ends(own, which, f"{kind}_test_percent") for kind in ("sparse", "full"))
        low, high = density.index[0], density.index[-1]
        text.append(
            f"For {name} the share of non-zero weights at the last epoch is {percent(density[low])} at "
            f"{SIGNS[which]} = {decimal(low)} and {percent(density[high])} at {decimal(high)}. The "
            f"sparse network has {percent(sparse[low])} and "
            f"{percent(sparse[high])}, the full one {percent(full[low])} and {percent(full[high])}."
        )
    if not text:
        return Tex(f"Different {SIGNS[which]} were {NOT_RUN} at this scale.")
    return Tex(" ".join(text))


def _growth(found: pd.DataFrame) -> Tex:
    """Say how large the support is at each reading."""
    items = []
    for name, own in _networks(found):
        base = own[own["arm"].eq(inclusion_arms.BASE)].groupby("after")["density_percent"].mean()
        if base.empty:
            continue
        readings = inclusion_frames.readings(int(base.index.max()))
        shares = base.loc[readings]
        listed = listing([percent(share) for share in shares])
        after = listing([str(one) for one in readings])
        items.append(
            Tex(
                f"The support of {name} with $\\kappa = {decimal(own['kappa'].iloc[0])}$ and $\\nu = "
                f"{decimal(own.loc[own['arm'].eq(inclusion_arms.BASE), 'nu'].iloc[0])}$ has {listed} of the "
                f"weights after epochs {after}."
            )
        )
    return Tex(" ".join(items))
