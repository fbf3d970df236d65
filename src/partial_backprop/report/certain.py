"""Verdicts where nothing is random: sums done again, orders, layers, exact values."""

import dataclasses

import numpy as np
import pandas as pd

from partial_backprop.report.checks import check
from partial_backprop.report.claims import Verdict, value
from partial_backprop.report.frame import Results
from partial_backprop.report.guards import pick, shortfalls
from partial_backprop.report.verdict import Judgement
from partial_backprop.reported import Reported


def sum_again(blank: Judgement, reported: Reported) -> Judgement:
    """Do a sum of the source again."""
    shown, right = check(blank.claim.check)(reported)
    holds = abs(shown - right) <= blank.margin
    verdict = "reproduced" if holds else "error in the source"
    return dataclasses.replace(blank, reported=shown, estimate=right, verdict=verdict)


def along(blank: Judgement, results: Results) -> Judgement:
    """Follow a number along λ."""
    what = blank.claim.what
    frame = results.frame
    chosen = frame["experiment"].eq(what.experiment) & frame["metric"].eq(what.metric)
    own = frame[chosen & frame["arm"].eq(what.arm)].drop_duplicates("strength")
    values = own.sort_values("strength")["value"].to_numpy()
    if len(values) < 2:
        return dataclasses.replace(blank, reason="no_records")
    if not np.isfinite(values).any():  # it never settles at any strength: there is no order
        return dataclasses.replace(blank, verdict="contradicted", n_seeds=1)
    steps = np.diff(values) * (1 if blank.claim.test == "increasing" else -1)
    holds = bool((steps > 0).all())
    return dataclasses.replace(blank, verdict="reproduced" if holds else "contradicted", n_seeds=1)


def by_layer(blank: Judgement, results: Results, reported: Reported) -> Judgement:
    """Count the layers whose share of zeros is the printed one to the last digit."""
    claim = blank.claim
    layers = [name.removeprefix(f"{claim.layers}.") for name in
              reported.documents[blank.source.document].entries
              if name.startswith(f"{claim.layers}.")]  # fmt: skip
    sides = {layer: claim.what.model_copy(update={"layer": layer}) for layer in layers}
    shares = {layer: pick(results, side) for layer, side in sides.items()}
    shares = {layer: share for layer, share in shares.items() if len(share)}
    if not shares:
        return dataclasses.replace(blank, reason="no_records")
    goals = {
        layer: claim.scale
        * value(reported, blank.source.document, f"{claim.layers}.{layer}:sparsity")
        for layer in shares
    }
    n_equal = sum(
        bool(np.isclose(share, goals[layer], rtol=1e-12).all()) for layer, share in shares.items()
    )
    return dataclasses.replace(
        blank,
        reported=float(len(shares)),
        estimate=float(n_equal),
        n_seeds=len(next(iter(shares.values()))),
        verdict="reproduced" if n_equal == len(shares) else "contradicted",
        tags=shortfalls(blank.source, claim, results.runs),
    )


def goal(found: Judgement) -> float:
    """Return what a number is compared with."""
    return found.claim.than if np.isnan(found.reported) else found.reported


def certain(found: Judgement, values: pd.Series) -> Verdict:
    """Judge numbers in which nothing is random: all of them must hold."""
    claim = found.claim
    if claim.test in ("exact", "equal", "equivalent"):
        aim = goal(found)
        holds = (values - aim).abs().le(found.margin + 1e-9 * abs(aim)).all()
    elif claim.test == "higher":
        holds = values.gt(claim.than + found.margin).all()
    else:
        holds = values.lt(claim.than - found.margin).all()
    return "reproduced" if holds else "contradicted"
