"""What the article says of counted and zeroed gradients (seed 000)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from partial_backprop import labels
from partial_backprop.facts import of_runs
from partial_backprop.facts import sentences as told
from partial_backprop.frames.aggregate import by_seed, runs_frame
from partial_backprop.frames.gradient_arithmetic import Arithmetic, arithmetic
from partial_backprop.inputs import Inputs, Run
from partial_backprop.measurements import gradient_counts
from partial_backprop.measurements.gradient_counts import EXPERIMENT, GradientCounts
from partial_backprop.paper.compare import NOT_RUN
from partial_backprop.paper.lab_words import accuracy, compared
from partial_backprop.paper.numbers import decimal, integer, listing, percent, plural
from partial_backprop.paper.text import Tex, escape


def sentences(inputs: Inputs) -> dict[str, Tex]:
    """Say what the source counts, what is wrong in it, and what was measured.

    Parameters
    ----------
    inputs : Inputs
        Runs of any experiments, and printed numbers.

    Returns
    -------
    dict
        Topic -> one or more sentences; what did not run is said, and ``ran`` is then empty.
    """
    found = gradient_counts.by_arm(run.record for run in inputs.runs)
    frame = runs_frame(inputs.runs)
    sums = arithmetic(inputs.reported)
    return {
        "ran": _ran(inputs, found),
        "setting": _setting(inputs),
        "asked": percent(100 * sums.share, 0),
        "counted": _counted(sums),
        "slips": _slips(sums),
        "share": _share(sums),
        "without_gradient": _without_gradient(sums),
        "zeroed": _zeroed(found),
        "layers": _layers(found.get("threshold", [])),
        "squares": _squares(found),
        "thresholds": _thresholds(found.get("threshold", [])),
        "accuracy": _accuracy(frame),
    }


def _ran(inputs: Inputs, found: dict[str, list[GradientCounts]]) -> Tex:
    facts = of_runs(EXPERIMENT, labels.PRUNINGS[EXPERIMENT], inputs.runs)
    if facts is None:
        return Tex("")
    absent = [name for arm, name in labels.SPARSIFICATION.items() if arm not in found]
    missing = f" Not run: {'; '.join(map(escape, absent))}." if absent else ""
    return Tex(f"{escape(' '.join(told([facts])))}{missing}")


def _trained(inputs: Inputs) -> Run | None:
    runs = [run for run in inputs.runs if run.record.experiment == EXPERIMENT]
    return runs[0] if runs else None


def _setting(inputs: Inputs) -> Tex:
    run = _trained(inputs)
    if run is None:
        return Tex(f"The training was {NOT_RUN} at this scale.")
    training, recipe = run.record.config.training, run.record.config.recipe
    optimizer = training.optimizer
    padding = recipe.get("padding")
    images = (
        f"on images shifted by up to {integer(padding)} pixels and mirrored at random"
        if padding is not None
        else "on the images as they are"
    )
    steps = (
        f", multiplied by {decimal(training.decay)} after "
        f"{listing([integer(epoch) for epoch in training.milestones])} epochs"
        if training.milestones
        else ""
    )
    shares = run.record.config.network.get("dropout", ())
    dropped = listing([percent(100 * share, 0) for share in shares])
    return Tex(
        f"It is trained by SGD with momentum {decimal(optimizer.momentum)} and a learning rate of "
        f"{decimal(optimizer.learning_rate)}{steps}, in batches of {integer(training.batch_size)}, "
        f"{images}; dropout is {dropped}."
    )


def _counted(sums: Arithmetic) -> Tex:
    printed = sums.printed
    return Tex(
        f"Its summary lists {integer(sums.n_all)} entries, of which "
        f"{percent(100 * sums.share, 0)}, that is {integer(printed['n_zeroed'])}, are to be zeroed."
    )


def _slips(sums: Arithmetic) -> Tex:
    said = [
        f"Its sum over the kernels is printed as {integer(sums.printed['n_eligible'])} and should be "
        f"{integer(sums.n_eligible)}"
    ]
    terms = [
        f"{integer(one.printed)} is printed for {integer(one.n_entries)}" for one in sums.mistyped
    ]
    if terms:
        said.append(f", since {listing(terms)}")
    said.append(".")
    for kernel in sums.forgotten:
        name = Tex(rf"\texttt{{{escape(kernel.layer)}}}")
        said.append(
            f" The kernel of {name}, index {integer(kernel.index)}, is in the sum, but in neither "
            "list of indices."
        )
    extra = [index for index in sums.listed if index not in sums.added]
    if extra:
        said.append(
            f" The list that names the layers begins with index {integer(extra[0])}, the first "
            "kernel; the one that is added up does not, and neither does the sum."
        )
    return Tex("".join(said))


def _share(sums: Arithmetic) -> Tex:
    printed = sums.printed
    right = 100 * sums.n_zeroed / sums.n_eligible
    with_first = 100 * sums.n_zeroed / sums.n_eligible_with_first
    return Tex(
        f"Of the eligible entries the share is {percent(right)}, not "
        f"{percent(printed['zeroed_percent'], 1)}, and {percent(100 - right)} of them are kept, not "
        f"{percent(printed['kept_percent'], 1)}; the printed share is cut off, not rounded, unless the "
        f"first kernel is eligible too, with which it is {percent(with_first)}."
    )


def _without_gradient(sums: Arithmetic) -> Tex:
    share = 100 * sums.n_zeroed_of_gradients / sums.n_eligible
    return Tex(
        f"{integer(sums.n_statistics)} of the entries are running statistics and have no gradient: "
        f"{percent(100 * sums.share, 0)} of the gradients that exist are "
        f"{integer(sums.n_zeroed_of_gradients)}, or {percent(share)} of the eligible ones."
    )


def _per_step(counts: Sequence[GradientCounts], field: str) -> float:
    return float(np.mean([one.total(field) / one.n_steps for one in counts]))


def _zeroed(found: dict[str, list[GradientCounts]]) -> Tex:
    counts = found.get("threshold") or found.get("random")
    if not counts:
        return Tex(f"Zeroing gradients was {NOT_RUN} at this scale.")
    one = counts[0]
    n_eligible = sum(weight.n_entries for weight in one.weights if weight.eligible)
    n_all = sum(weight.n_entries for weight in one.weights)
    natural = _per_step(counts, "n_natural_zeros")
    return Tex(
        f"In each step {integer(one.n_asked)} of {integer(n_all)} entries are zeroed, which is "
        f"{percent(100 * one.n_asked / n_eligible)} of the {integer(n_eligible)} eligible ones; on "
        f"average {integer(natural)} of these are zero by themselves."
    )


def _layers(counts: Sequence[GradientCounts]) -> Tex:
    if not counts:
        return Tex("")
    eligible = [layer for layer in gradient_counts.layers(counts) if layer.n_eligible]
    least, most = (find(eligible, key=lambda layer: layer.zeroed_share) for find in (min, max))
    return Tex(
        "One threshold for all layers does not fall evenly on them: it zeroes "
        f"{percent(100 * least.zeroed_share, 1)} of the kernel of "
        rf"\texttt{{{escape(least.name)}}} and {percent(100 * most.zeroed_share, 1)} of that of "
        rf"\texttt{{{escape(most.name)}}}."
    )


def _squares(found: dict[str, list[GradientCounts]]) -> Tex:
    shares = {
        arm: float(
            np.mean([100 * one.total("squares_zeroed") / one.total("squares") for one in counts])
        )
        for arm, counts in found.items()
        if arm != "full"
    }
    if "threshold" not in shares:
        return Tex("")
    text = (
        f"The smallest gradients carry {percent(shares['threshold'])} of the sum of squares over all "
        "eligible ones"
    )
    if "random" in shares:
        text += f"; as many at random carry {percent(shares['random'])}"
    return Tex(f"{text}.")


def _thresholds(counts: Sequence[GradientCounts]) -> Tex:
    ends = [(one.thresholds[0], one.thresholds[-1]) for one in counts if one.thresholds]
    if not ends:
        return Tex("")
    first, last = np.mean(ends, axis=0)
    return Tex(
        f"The threshold is {decimal(first)} on average in the first epoch and {decimal(last)} in the "
        "last."
    )


def _accuracy(frame: pd.DataFrame) -> Tex:
    arms = {
        arm: by_seed(frame, EXPERIMENT, arm, "test_accuracy_percent")
        for arm in labels.SPARSIFICATION
    }
    if not any(len(values) for values in arms.values()):
        return Tex(f"No accuracy was measured: the training was {NOT_RUN} at this scale.")
    n_test = float(frame.loc[frame["experiment"] == EXPERIMENT, "test_n_examples"].dropna().iloc[0])
    names = {
        "full": "all gradients",
        "threshold": "the smallest zeroed",
        "random": "as many zeroed at random",
    }
    listed = [f"{accuracy(arms[arm])} with {name}" for arm, name in names.items() if len(arms[arm])]
    n_seeds = max(len(values) for values in arms.values())
    over = f" over {plural(n_seeds, 'seed')}" if n_seeds > 1 else " on one seed"
    pairs = (("threshold", "full"), ("random", "full"), ("threshold", "random"))
    verdicts = [
        compared(
            arms[one],
            arms[other],
            (f"training with {names[one]}", f"training with {names[other]}"),
            n_test,
        )
        for one, other in pairs
    ]
    return Tex(
        f"After the last epoch the test accuracy is {listing([Tex(item) for item in listed])}{over}. "
        + " ".join(verdicts)
    )
