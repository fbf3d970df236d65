"""The ledger of a scale: every claim of the sources with its verdict."""

from collections.abc import Sequence

import pandas as pd

from partial_backprop.inputs import Inputs
from partial_backprop.report import claims
from partial_backprop.report.frame import results
from partial_backprop.report.judge import judge
from partial_backprop.report.verdict import Judgement


def judge_all(inputs: Inputs) -> tuple[Judgement, ...]:
    """Judge all claims on the runs of a scale."""
    sources = claims.read(inputs.config_dir, inputs.reported)
    return judge(sources, results(inputs.runs), inputs.reported) if sources else ()


def of_scale(judged: Sequence[Judgement], inputs: Inputs) -> tuple[Judgement, ...]:
    """Keep the claims about experiments that ran or belong to the scale."""
    planned = inputs.planned()
    if not planned:
        return tuple(judged)
    kept: dict[str, Judgement] = {}
    for found in judged:
        parts = found.source.claims[found.id].parts
        sides = claims.about(found.source, found.id)
        if any(part in kept for part in parts) or (
            not parts and all(planned.intersection(side) for side in sides)
        ):
            kept[found.id] = found
    return tuple(kept.values())


def ledger(inputs: Inputs) -> tuple[Judgement, ...]:
    """Judge the claims that a scale is about."""
    return of_scale(judge_all(inputs), inputs)


def frame(judged: tuple[Judgement, ...]) -> pd.DataFrame:
    """Tabulate a ledger."""
    numbers = (
        "reported", "margin", "estimate", "low", "high", "n_seeds", "n_images", "method", "p",
        "p_holm", "p_sign_flip", "verdict", "reason",
    )  # fmt: skip
    rows = [
        {
            "document": found.source.document,
            "source": found.source.source,
            "id": found.id,
            "line": found.claim.line,
            "claim": found.claim.claim,
            "test": found.claim.test,
            **{name: getattr(found, name) for name in numbers},
            "p_mcnemar": " ".join(f"{p:.6g}" for p in found.p_mcnemar),
            "tags": ", ".join(found.tags),
            "main": found.claim.main,
        }
        for found in judged
    ]
    return pd.DataFrame(rows)
