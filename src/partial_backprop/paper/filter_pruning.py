"""What the article says of filter pruning (seed 002)."""

import pandas as pd

from partial_backprop.facts import of_runs
from partial_backprop.facts import sentences as told
from partial_backprop.frames import filter_arms
from partial_backprop.frames.filter_arms import ARMS, EXPERIMENT, NETWORK
from partial_backprop.inputs import Inputs, Run
from partial_backprop.intervals import summary
from partial_backprop.paper import filter_defects
from partial_backprop.paper.compare import NOT_RUN
from partial_backprop.paper.lab_words import accuracy, compared
from partial_backprop.paper.numbers import decimal, integer, listing, percent, plural
from partial_backprop.paper.text import Tex, escape

_LASSO = ("group_filters", "group_channels")


def sentences(inputs: Inputs) -> dict[str, Tex]:
    """Say what was measured, and what each defect of the source's script does to the numbers.

    Parameters
    ----------
    inputs : Inputs
        Runs of any experiments, and printed numbers.

    Returns
    -------
    dict
        Topic -> one or more sentences; ``ran`` is empty where nothing ran.
    """
    runs = [run for run in inputs.runs if run.record.experiment == EXPERIMENT]
    found = filter_arms.frame(runs)
    return {
        "ran": _ran(inputs, found),
        "settings": _settings(runs),
        "zeros": _zeros(found),
        "accuracy": _accuracy(found),
        "removal": _removal(found),
        "units": _units(runs),
        "same": _same(found),
        **filter_defects.sentences(runs, inputs.reported),
    }


def _ran(inputs: Inputs, found: pd.DataFrame) -> Tex:
    facts = of_runs(EXPERIMENT, NETWORK, inputs.runs)
    if facts is None:
        return Tex("")
    absent = [escape(name) for arm, name in ARMS.items() if not found["arm"].eq(arm).any()]
    missing = f" Not run: {'; '.join(absent)}." if absent else ""
    return Tex(f"{escape(' '.join(told([facts])))}{missing}")


def _settings(runs: list[Run]) -> Tex:
    if not runs:
        return Tex("")
    training, recipe = runs[0].record.config.training, runs[0].record.config.recipe
    recipes = {run.record.arm: run.record.config.recipe for run in runs}
    strengths: dict[float, list[str]] = {}
    for arm, name in ARMS.items():
        if recipes.get(arm, {"penalty": "none"})["penalty"] != "none":
            strengths.setdefault(recipes[arm]["strength"], []).append(name)
    shared = len(strengths) == 1
    items = [
        decimal(value) if shared else Tex(f"{decimal(value)} ({listing(names)})")
        for value, names in strengths.items()
    ]
    chosen = (
        rf" The penalty's weight $\lambda$ is {listing(items)}; it begins after "
        f"{plural(recipe['start_epoch'], 'epoch')}."
        if items
        else ""
    )
    return Tex(
        f"Training takes {plural(training.epochs, 'epoch')} of SGD with momentum "
        f"{decimal(training.optimizer.momentum)} and a learning rate of "
        f"{decimal(training.optimizer.learning_rate)}, in batches of {integer(training.batch_size)}, "
        f"on images shifted by up to {integer(recipe['padding'])} pixels and mirrored at random.{chosen} "
        f"A weight counts as zero if its magnitude is at most {decimal(recipe['threshold'])}."
    )


def _zeros(found: pd.DataFrame) -> Tex:
    plain = filter_arms.pick(found, "plain", "zeros_percent")
    shares = {arm: filter_arms.pick(found, arm, "zeros_percent") for arm in _LASSO}
    items = [
        Tex(f"{accuracy(share)} with the {escape(ARMS[arm])}")
        for arm, share in shares.items()
        if len(share)
    ]
    if not items:
        return Tex(f"Group lasso was {NOT_RUN} at this scale.")
    without = f", and {accuracy(plain)} without penalty" if len(plain) else ""
    return Tex(f"Of all parameters, {listing(items)} count as zero{without}.")


def _accuracy(found: pd.DataFrame) -> Tex:
    base = filter_arms.pick(found, "plain", "test_percent")
    text = [
        compared(
            filter_arms.pick(found, arm, "test_percent"),
            base,
            (f"the {ARMS[arm]}", "no penalty"),
            filter_arms.n_test(found),
        )
        for arm in _LASSO
    ]
    return Tex(" ".join(text))


def _removal(found: pd.DataFrame) -> Tex:
    items = []
    for arm in _LASSO:
        shares = [
            filter_arms.pick(found, arm, f"{name}_left_percent")
            for name in ("n_parameters", "n_multiply_adds", "n_bytes", "time")
        ]
        if not len(shares[0]):
            continue
        weights, flops, size, time = (percent(summary(share).mean, 1) for share in shares)
        measured = f" and {time} of the time" if len(shares[3]) else ""
        items.append(
            Tex(
                f"with the {escape(ARMS[arm])} {weights} of the parameters, {flops} of the "
                f"multiplications, {size} of the file{measured}"
            )
        )
    if not items:
        return Tex("")
    return Tex(f"What is left is, {'; '.join(items)}.")


def _same(found: pd.DataFrame) -> Tex:
    if not len(found):
        return Tex("")
    worst = found.loc[found["largest_difference"].idxmax()]
    difference, output = worst["largest_difference"], worst["largest_output"]
    changed = int((found["small_test_n_correct"] != found["test_n_correct"]).sum())
    scores = (
        "and all of them have the accuracy of the masked ones"
        if not changed
        else f"and {integer(changed)} of {integer(len(found))} differ in accuracy"
    )
    return Tex(
        f"The outputs of the smaller networks differ from those of the masked ones by at most "
        f"{decimal(difference)}, where outputs go up to {decimal(output, 1)}, {scores}."
    )


def _units(runs: list[Run]) -> Tex:
    items, whole, seeds = [], (), []
    for arm in _LASSO:
        of_arm = [found for found in filter_arms.reports(runs) if found[0].record.arm == arm]
        if of_arm:
            run, report = of_arm[0]
            whole, seeds = report.whole.units[:-1], [*seeds, run.record.seed]
            left = listing([integer(count) for count in report.small.units[:-1]])
            items.append(Tex(f"the {escape(ARMS[arm])} leaves {left}"))
    if not items:
        return Tex("")
    units = listing([integer(count) for count in whole])
    return Tex(
        f"Of the {units} units of the layers before the last, {listing(items)} "
        f"(seed {integer(min(seeds))})."
    )
