"""Did one set of runs reproduce another? Record by record, and claim by claim."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from partial_backprop import reported
from partial_backprop.errors import UserError
from partial_backprop.inputs import Run, read_runs
from partial_backprop.report import claims
from partial_backprop.report.frame import Results, results
from partial_backprop.report.judge import judge
from partial_backprop.report.verdict import Judgement

EQUAL, WITHIN, DIFFERENT = "equal", "within the seeds' spread", "different"
ONLY = {"A": "only in A", "B": "only in B"}
_SETTINGS = ["stage", "layer", "sparsity", "bits", "strength", "decoding", "references", "metric"]


class Line(NamedTuple):
    """A record or a claim in both sets."""

    name: str
    outcome: str
    """``equal``: to the bit; ``within the seeds' spread``, ``different``, or which set alone has it."""
    detail: str


def records(first: Results, second: Results) -> list[Line]:
    """Compare records."""
    sides = [{run.key: run for run in found.runs} for found in (first, second)]
    lines = []
    for key in sorted(sides[0].keys() | sides[1].keys()):
        name = "{}/{}/seed{}".format(*key)
        one, other = (side.get(key) for side in sides)
        if one is None or other is None:
            lines.append(Line(name, ONLY["B" if one is None else "A"], ""))
        elif one.record.reproducible() == other.record.reproducible():
            lines.append(Line(name, EQUAL, ""))
        else:
            lines.append(_differing(name, one, other, first.frame, second.frame))
    return lines


def _differing(name: str, one: Run, other: Run, first: pd.DataFrame, second: pd.DataFrame) -> Line:
    left, right = (_numbers(found, one.key) for found in (first, second))
    both = left.index.intersection(right.index)
    difference = (right[both] - left[both]).abs()
    changed = difference[difference > 0]
    detail = (
        "" if one.record.config_sha256 == other.record.config_sha256 else "other configuration; "
    )
    if changed.empty:  # what differs is no number of the frame
        return Line(name, WITHIN if len(both) else DIFFERENT, f"{detail}same numbers")
    spread = _spread(first, one.key)
    ratio = changed / spread.reindex(changed.index)
    worst = changed.idxmax() if ratio.isna().all() else ratio.idxmax()
    where = " ".join(str(part) for part in worst if part == part and part is not None)
    detail += f"{where}: {left[worst]:.6g} and {right[worst]:.6g}"
    outcome = WITHIN if (ratio <= 1).all() else DIFFERENT
    return Line(name, outcome, detail + ("; one seed, no spread" if ratio.isna().any() else ""))


def _of_run(frame: pd.DataFrame, key: tuple[str, str, int]) -> pd.DataFrame:
    arm = frame[frame["experiment"].eq(key[0]) & frame["arm"].eq(key[1])]
    arm = arm[~arm["metric"].str.startswith("setting.")]
    accuracies = arm[arm["metric"].str.endswith("accuracy_percent")]
    return arm if accuracies.empty else accuracies


def _numbers(frame: pd.DataFrame, key: tuple[str, str, int]) -> pd.Series:
    own = _of_run(frame, key)
    return own[own["seed"].eq(key[2])].set_index(_SETTINGS)["value"]


def _spread(frame: pd.DataFrame, key: tuple[str, str, int]) -> pd.Series:
    """What two seeds of an arm may differ by: t · √2 standard deviations; NaN for one seed."""
    groups = _of_run(frame, key).groupby(_SETTINGS, dropna=False)["value"]
    n, deviation = groups.count(), groups.std()
    return deviation * np.sqrt(2) * stats.t.ppf(0.975, n.where(n > 1) - 1)


def judgements(first: Sequence[Judgement], second: Sequence[Judgement]) -> list[Line]:
    """Compare what comes of the claims."""
    lines = []
    for one, other in zip(first, second, strict=True):
        pair = [_in_words(found) for found in (one, other)]
        same = one.verdict == other.verdict and one.reason == other.reason
        estimates = one.estimate, other.estimate
        if same and (estimates[0] == estimates[1] or np.isnan(estimates).all()):
            lines.append(Line(one.id, EQUAL, pair[0]))
            continue
        inside = one.low <= other.estimate <= one.high or other.low <= one.estimate <= other.high
        outcome = WITHIN if inside and one.verdict == other.verdict else DIFFERENT
        lines.append(Line(one.id, outcome, f"{pair[0]}; {pair[1]}"))
    return lines


def _in_words(found: Judgement) -> str:
    reason = f" ({found.reason})" if found.reason else ""
    estimate = "" if np.isnan(found.estimate) else f" {found.estimate:.6g}"
    return f"{found.verdict}{reason}{estimate}"


def compare(first: Path, second: Path, config_dir: Path) -> tuple[list[Line], list[Line]]:
    """Compare two folders of results."""
    found = []
    for folder in (first, second):
        paths = sorted(folder.rglob("record.json"))
        if not paths:
            raise UserError(f"there is no record.json below {folder}: name a folder of results")
        found.append(results(read_runs(paths)))
    printed = reported.read(config_dir)
    sources = claims.read(config_dir, printed)
    judged = [judge(sources, one, printed) for one in found]
    return records(*found), judgements(*judged)


def text(title: str, lines: Sequence[Line]) -> str:
    """Print a comparison."""
    width = max((len(line.name) for line in lines), default=0)
    counts = Counter(line.outcome for line in lines)
    total = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    shown = [f"{line.name:{width}}  {line.outcome}  {line.detail}".rstrip() for line in lines]
    return "\n".join([*shown, f"{title}: {total or 'none'}", ""])
