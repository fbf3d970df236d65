"""What stands between a number and a verdict: chance, few images, and runs short of the source's terms."""

from collections.abc import Sequence

import pandas as pd

from partial_backprop import labels
from partial_backprop.inputs import Run
from partial_backprop.report.claims import Claim, Condition, Side, Source, value
from partial_backprop.report.frame import Results, select
from partial_backprop.report.verdict import TAGS
from partial_backprop.reported import Reported

FEW_IMAGES = 3
"""A difference of fewer test images decides nothing."""
TIMES_CHANCE = 2
"""A network is at chance up to so many times the accuracy of guessing."""
ACCURACY = "accuracy_percent"


def _where(side: Side) -> dict[str, object]:
    given = side.model_dump(exclude_unset=True, exclude={"metric"})
    return {"layer": None} | given


def pick(results: Results, side: Side) -> pd.Series:
    """Pick the numbers of one side of a claim."""
    return select(results.frame, side.metric, **_where(side))


def base_side(claim: Claim) -> Side:
    """Say with what a claim compares."""
    return claim.what.model_copy(update=claim.base.model_dump(exclude_unset=True))


def at_chance(claim: Claim, results: Results) -> bool:
    """Tell whether a network that a claim is about does no better than chance."""
    sides = [side for side in (claim.what, claim.base and base_side(claim), claim.guard) if side]
    ends = {"metric": "test_accuracy_percent", "stage": "last"}
    own = [Side(experiment=side.experiment, arm=side.arm, **ends) for side in sides]
    for side in [*sides, *own]:
        if not side.metric.endswith(ACCURACY):
            continue
        accuracy = pick(results, side)
        runs = [run.record for run in results.runs if run.record.experiment == side.experiment]
        n_classes = next((run.data.n_classes for run in runs if run.data), None)
        if n_classes and len(accuracy) and accuracy.mean() <= TIMES_CHANCE * 100 / n_classes:
            return True
    return False


def is_few(claim: Claim, points: float, results: Results) -> bool:
    """Tell whether a difference is of fewer than three test images."""
    what = claim.what
    if not what.metric.endswith(ACCURACY):
        return False
    own = results.frame[results.frame["experiment"].eq(what.experiment)]
    n_images = own.loc[own["metric"].eq(what.metric), "n"].min()
    return bool(abs(points) * n_images / 100 < FEW_IMAGES - 1e-6)


def is_tuned(source: Source, claim: Claim, runs: Sequence[Run], reported: Reported) -> bool:
    """Tell whether a frozen share follows from a threshold that is not the source's."""
    # A printed share was then the aim, so that to find it again says nothing.
    what = claim.what
    terms = source.conditions.get(what.experiment)
    if what.metric != "mask_zeros_percent" or terms is None or terms.threshold is None:
        return False
    goal = value(reported, source.document, terms.threshold)
    criteria = [
        run.record.config.freezing.criterion
        for run in runs
        if run.key[:2] == (what.experiment, what.arm) and run.record.config.freezing
    ]
    return any(found.get("threshold", goal) != goal for found in criteria)


def shortfalls(source: Source, claim: Claim, runs: Sequence[Run]) -> tuple[str, ...]:
    """Say how the runs that a claim looks at fall short of the source's own terms."""
    sides = [side for side in (claim.what, claim.base and base_side(claim)) if side]
    wanted = {(side.experiment, side.arm) for side in sides}
    found = set()
    for run in runs:
        record = run.record
        if (record.experiment, record.arm) not in wanted:
            continue
        terms = source.conditions.get(record.experiment, Condition())
        training = record.config.training
        if record.data is not None:
            found |= _of_data(record.data.name, terms.data)
            if terms.n_train and record.data.n_train < terms.n_train:
                found.add("fewer images")
        if record.network is not None and not record.network.full_size:
            found.add("reduced")
        if terms.epochs and training and training.epochs < terms.epochs:
            found.add("shortened")
    return tuple(tag for tag in TAGS if tag in found)


def _of_data(ran: str, wanted: Sequence[str]) -> set[str]:
    """A copy of the source's images, such as CIFAR-10's as JPEG, begins with the name of the data set."""
    if not wanted or labels.data(ran) in wanted or ran in wanted:
        return set()
    plain = [name.lower().replace("-", "") for name in wanted]
    return {"copy" if ran.lower().startswith(tuple(plain)) else "stand-in"}
