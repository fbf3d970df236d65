"""From claims and results to verdicts, by rules that look at nothing else."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from partial_backprop.report import stats
from partial_backprop.report.certain import along, by_layer, certain, goal, sum_again
from partial_backprop.report.claims import Claim, Source, margin, printed
from partial_backprop.report.frame import Results
from partial_backprop.report.guards import (
    at_chance,
    base_side,
    is_few,
    is_tuned,
    pick,
    shortfalls,
)
from partial_backprop.report.stats import Interval
from partial_backprop.report.verdict import TAGS, Judgement
from partial_backprop.reported import Reported

ALPHA = 0.05
OF_IMAGES = "test_accuracy_percent"
"""The metric that the images of a record explain."""


def judge(
    sources: Sequence[Source], results: Results, reported: Reported, draws: int = stats.DRAWS
) -> tuple[Judgement, ...]:
    """Judge all claims."""
    found: list[Judgement] = []
    for source in sources:
        own = {name: _one(name, source, results, reported, draws) for name in source.claims}
        found += _together(_corrected(own)).values()
    return tuple(found)


def _one(name: str, source: Source, results: Results, reported: Reported, draws: int) -> Judgement:
    claim = source.claims[name]
    shown = printed(claim, source.document, reported)
    blank = Judgement(name, source, claim, shown, margin(claim, source.document, reported))
    if claim.test in ("all", "none", "stated"):
        return dataclasses.replace(blank, **_without_numbers(claim))
    if claim.test == "arithmetic":
        return sum_again(blank, reported)
    candidates = claim.what.experiment
    found = []
    for experiment in [candidates] if isinstance(candidates, str) else candidates:
        what = claim.what.model_copy(update={"experiment": experiment})
        own = dataclasses.replace(blank, claim=claim.model_copy(update={"what": what}))
        found.append(_measured(own, results, reported, draws))
    return max(found, key=lambda one: one.n_seeds or 0)  # the first of those with the most seeds


def _measured(blank: Judgement, results: Results, reported: Reported, draws: int) -> Judgement:
    claim = blank.claim
    if claim.test in ("increasing", "decreasing"):
        return along(blank, results)
    if claim.test == "layers":
        return by_layer(blank, results, reported)
    values = _related(claim, pick(results, claim.what), results)
    if not len(values):
        return dataclasses.replace(blank, reason="no_records")
    found = dataclasses.replace(
        blank,
        estimate=float(values.mean()),
        n_seeds=len(values),
        tags=shortfalls(blank.source, claim, results.runs),
    )
    if claim.test == "setting":
        same = bool(np.isclose(values, goal(found)).all())
        # A schedule of ours that is another one contradicts nobody.
        verdict = {"verdict": "reproduced"} if same else {"reason": "other_setting"}
        return dataclasses.replace(found, **verdict)
    if is_tuned(blank.source, claim, results.runs, reported):
        return dataclasses.replace(found, verdict="undecided", reason="tuned")
    if claim.test == "exact" or not claim.random:
        return dataclasses.replace(found, verdict=certain(found, values))
    return _uncertain(found, values, results, draws)


def _without_numbers(claim: Claim) -> dict[str, object]:
    if claim.test == "stated":
        return {"verdict": "error in the source"}
    if claim.reason == "no_value":
        return {"verdict": "undecided", "reason": "no_value"}
    return {"reason": claim.reason or "no_records"}


def _related(claim: Claim, arm: pd.Series, results: Results) -> pd.Series:
    """Values by seed: of the arm, or against its base on the seeds that both have."""
    if claim.base is None:
        return arm
    base = pick(results, base_side(claim))
    if claim.relation == "ratio":
        return (arm / base).dropna()
    # Both infinite, as where neither descent settles: no difference.
    return (
        (arm - base).where(arm.ne(base), 0.0).reindex(arm.index.intersection(base.index)).dropna()
    )


def _images(claim: Claim, seeds: Sequence[int], results: Results) -> dict[str, np.ndarray] | None:
    """Which images are right, of shape (seeds, images) for arm and base; None where a run does not say."""
    found = {}
    for name, side in (("arm", claim.what), ("base", claim.base and base_side(claim))):
        if side is None:
            continue
        if side.metric != OF_IMAGES:  # a sparse or smaller network has other images right
            return None
        keys = [(side.experiment, side.arm, seed, side.stage) for seed in seeds]
        rows = [results.bits.get(key) for key in keys]
        if any(row is None or len(row) != len(rows[0]) for row in rows):
            return None
        found[name] = np.array(rows, bool)
    shapes = {rows.shape for rows in found.values()}
    return found if len(shapes) == 1 else None


def _uncertain(found: Judgement, values: pd.Series, results: Results, draws: int) -> Judgement:
    claim = found.claim
    interval = stats.student(values)
    images = _images(claim, list(values.index), results) if claim.relation == "difference" else None
    if images is not None:
        right = 100 * (images["arm"].astype(np.int8) - images.get("base", np.int8(0)))
        interval = stats.wider(interval, stats.crossed(right, draws))
        mcnemar = (
            tuple(map(stats.mcnemar, images["arm"], images["base"])) if "base" in images else ()
        )
        found = dataclasses.replace(found, n_images=right.shape[1], p_mcnemar=mcnemar)
    found = dataclasses.replace(
        found,
        low=interval.low,
        high=interval.high,
        method=interval.method,
        p_sign_flip=stats.sign_flip(values) if claim.base else np.nan,
    )
    if reason := _forbidden(found, interval, results):
        return dataclasses.replace(found, verdict="undecided", reason=reason)
    return dataclasses.replace(found, **_by_interval(found, interval, results))


def _forbidden(found: Judgement, interval: Interval, results: Results) -> str:
    """Say what forbids any verdict; empty for nothing."""
    claim = found.claim
    if not claim.chance and at_chance(claim, results):
        return "at_chance"
    if interval.method == "none":
        return "one_seed"
    return "zero_width" if interval.low == interval.high else ""


def _by_interval(found: Judgement, interval: Interval, results: Results) -> dict[str, object]:
    claim, aim = found.claim, found.reported
    if claim.test in ("equal", "equivalent"):
        aim = aim if claim.test == "equal" else 0.0
        same = stats.tost(interval, aim - found.margin, aim + found.margin)
        if claim.test == "equal":
            other = interval.p(aim)
        else:  # beyond the margin on one side
            other = min(1.0, 2 * min(interval.p(aim - found.margin, "below"),
                                     interval.p(aim + found.margin, "above")))  # fmt: skip
        if same < ALPHA:
            if is_few(claim, found.margin, results):
                return {"p": same, "verdict": "undecided", "reason": "few_images"}
            return {"p": same, "verdict": "reproduced"}
        p, verdict, distance = other, "contradicted", found.estimate - aim
    else:
        sign = 1 if claim.test == "higher" else -1
        aim = claim.than + sign * found.margin
        p, distance = interval.p(aim), found.estimate - aim
        verdict = "reproduced" if sign * distance > 0 else "contradicted"
    if p >= ALPHA:
        return {"p": p, "verdict": "undecided", "reason": "wide"}
    if is_few(claim, distance, results):
        return {"p": p, "verdict": "undecided", "reason": "few_images"}
    return {"p": p, "verdict": verdict}


def _corrected(own: dict[str, Judgement]) -> dict[str, Judgement]:
    tested = {name: found for name, found in own.items() if not np.isnan(found.p)}
    corrected = stats.holm([found.p for found in tested.values()])
    for (name, found), p in zip(tested.items(), corrected, strict=True):
        changed = {"p_holm": float(p)}
        if found.verdict in ("reproduced", "contradicted") and p >= ALPHA:
            changed |= {"verdict": "undecided", "reason": "holm"}
        own[name] = dataclasses.replace(found, **changed)
    return {name: _of_one_seed(found) for name, found in own.items()}


def _of_one_seed(found: Judgement) -> Judgement:
    """Tag a verdict on what a second seed could change."""
    decided = found.verdict in ("reproduced", "contradicted")
    certain = not found.claim.random or found.claim.test in ("exact", "setting")
    if not decided or certain or found.n_seeds != 1:
        return found
    return dataclasses.replace(found, tags=(*found.tags, "one seed"))


def _together(own: dict[str, Judgement]) -> dict[str, Judgement]:
    """Judge the claims that are made of others, which stand before them."""
    for name, found in own.items():
        if found.claim.test != "all":
            continue
        parts = [own[part] for part in found.claim.parts]
        verdicts = {part.verdict for part in parts}
        if "contradicted" in verdicts:
            changed = {"verdict": "contradicted", "reason": ""}
        elif verdicts == {"reproduced"}:
            changed = {"verdict": "reproduced", "reason": ""}
        elif verdicts == {"not run"}:
            changed = {"verdict": "not run", "reason": parts[0].reason}
        else:
            changed = {"verdict": "undecided", "reason": "parts"}
        tags = tuple(tag for tag in TAGS if any(tag in part.tags for part in parts))
        own[name] = dataclasses.replace(found, **changed, tags=tags)
    return own


def by_id(judged: Sequence[Judgement]) -> Mapping[str, Judgement]:
    """Index judgements by the name of their claim."""
    return {found.id: found for found in judged}
