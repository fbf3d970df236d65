"""Two arms compared image by image: which test images each got right, on the seeds that both have."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from partial_backprop.frames.aggregate import by_seed
from partial_backprop.inputs import Run
from partial_backprop.report.stats import Interval, crossed, student, wider


def images_right(
    runs: Sequence[Run], experiment: str, arm: str, rule: str = "last"
) -> dict[int, np.ndarray]:
    """Find which test images an arm got right.

    Parameters
    ----------
    runs : sequence of Run
        Runs of any experiments.
    experiment, arm : str
        What to find.
    rule : {"last", "best_on_validation", "paper_protocol"}
        How the epoch was chosen.

    Returns
    -------
    dict of int to ndarray of bool, shape (images,)
        By seed; without the runs whose records do not tell.
    """
    found = {}
    for run in runs:
        if (run.record.experiment, run.record.arm) != (experiment, arm):
            continue
        for selection in run.record.selections:
            right = selection.test_correct
            if selection.rule == rule and right is not None:
                bits = np.frombuffer(right.packed(), np.uint8)
                found[run.record.seed] = np.unpackbits(bits, count=right.n_examples).astype(bool)
    return found


def difference(
    runs: Sequence[Run], frame: pd.DataFrame, experiment: str, arms: tuple[str, str], rule: str
) -> Interval:
    """Compare the test accuracies of two arms on the seeds that both have.

    Parameters
    ----------
    runs : sequence of Run
        Runs of any experiments.
    frame : pandas.DataFrame
        `aggregate.runs_frame` of them.
    experiment : str
        Name of the experiment.
    arms : (str, str)
        The first is compared with the second.
    rule : {"last", "best_on_validation", "paper_protocol"}
        How the epoch was chosen.

    Returns
    -------
    Interval
        In percentage points. The interval is the wider one of Student's over seeds and, where all these
        runs tell which images they got right, of a bootstrap over seeds and images.
    """
    accuracy = [by_seed(frame, experiment, arm, "test_accuracy_percent", rule) for arm in arms]
    over_seeds = student((accuracy[0] - accuracy[1]).dropna())
    right = [images_right(runs, experiment, arm, rule) for arm in arms]
    seeds = sorted(set(accuracy[0].index) & set(accuracy[1].index))
    if not seeds or not all(seed in of_arm for of_arm in right for seed in seeds):
        return over_seeds
    values = [right[0][seed].astype(float) - right[1][seed] for seed in seeds]
    return wider(over_seeds, crossed(100 * np.stack(values)))
