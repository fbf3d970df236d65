"""What a claim comes to: numbers, verdict and the codes of its reasons."""

import dataclasses

import numpy as np

from partial_backprop.report.claims import Claim, Source, Verdict

REASONS = (
    "one_seed", "zero_width", "few_images", "at_chance", "wide", "holm", "tuned", "no_value", "parts",
    "no_records", "no_experiment", "other_setting",
)  # fmt: skip
"""Why a claim is undecided or not run; the templates have the words."""
TAGS = ("stand-in", "copy", "reduced", "shortened", "fewer images", "one seed")
"""What a verdict must not be read without: other data, a copy of the source's data that differs (as JPEG, or
smaller), a smaller network, fewer epochs, fewer training images; decided on a single seed."""


@dataclasses.dataclass(frozen=True)
class Judgement:
    """A claim with what was measured and the verdict."""

    id: str
    source: Source
    claim: Claim
    # In our unit, NaN for none: what is printed; what was measured, with its 95 % interval
    reported: float = np.nan
    margin: float = 0.0
    estimate: float = np.nan
    low: float = np.nan
    high: float = np.nan
    n_seeds: int = 0
    n_images: int = 0  # 0 where only seeds are resampled
    method: str = "none"  # which interval is the wider; ``none`` where there is none
    # Of the verdict, alone and corrected; over seeds, which decides nothing. NaN for none
    p: float = np.nan
    p_holm: float = np.nan
    p_sign_flip: float = np.nan
    p_mcnemar: tuple[float, ...] = ()  # one per seed, where images are known
    verdict: Verdict = "not run"
    reason: str = ""  # one of `REASONS`; empty where there is a verdict
    tags: tuple[str, ...] = ()  # some of `TAGS`
