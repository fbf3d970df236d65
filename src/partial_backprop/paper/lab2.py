"""What the article says of Lab 2: pruning ResNet-20 (seed 003)."""

import pandas as pd

from partial_backprop import labels
from partial_backprop.frames import points
from partial_backprop.frames.points import AT_ONCE, LAB2
from partial_backprop.inputs import Inputs
from partial_backprop.paper.compare import NOT_RUN
from partial_backprop.paper.lab_words import SEED, accuracy, compared, printed, sampling_error
from partial_backprop.paper.numbers import decimal, integer, listing, percent, word
from partial_backprop.paper.numbers import points as signed
from partial_backprop.paper.text import Tex, escape
from partial_backprop.reported import Reported

SPARSITIES = (0.4, 0.6, 0.8)
_ABSENT = Tex(f"Lab~2 was {NOT_RUN} at this scale.")


def sentences(inputs: Inputs) -> dict[str, Tex]:
    """Say what was measured in Lab 2.

    Parameters
    ----------
    inputs : Inputs
        Runs of any experiments, and printed numbers.

    Returns
    -------
    dict
        Topic -> one or more sentences; what did not run is said.
    """
    runs = [run for run in inputs.runs if run.record.experiment == LAB2]
    frame, layers = points.frame(runs), points.layers(runs)
    return {
        "float": _float(frame, inputs.reported),
        "yardstick": _yardstick(frame),
        "pruned": _pruned(frame, inputs.reported),
        "pruned_global": _pruned_global(frame),
        "recovered": _recovered(frame, inputs.reported),
        "iterative": _iterative(frame, inputs.reported),
        "global": _global(frame, inputs.reported),
        "protocol": _protocol(frame),
        "layers": _layers(layers, inputs.reported, _full_size(inputs)),
        "global_layers": _global_layers(layers, inputs.reported),
    }


def _n_test(frame: pd.DataFrame) -> float:
    return float(frame["test_n_examples"].iloc[0]) if len(frame) else float("nan")


def _last(frame: pd.DataFrame, arm: str) -> pd.Series:
    return points.pick(frame, LAB2, arm, "last")


def _float(frame: pd.DataFrame, reported: Reported) -> Tex:
    base = points.started(frame)
    if not len(base):
        return _ABSENT
    shown = percent(printed(reported, "lab2_a"))
    return Tex(
        f"In floating point the network that all runs start from classifies {accuracy(base)} of the "
        f"test images correctly (printed: {shown}, of other weights)."
    )


def _yardstick(frame: pd.DataFrame) -> Tex:
    base = points.started(frame)
    if not len(base):
        return Tex("")
    error = sampling_error(base.mean(), base.mean(), _n_test(frame))
    return Tex(
        f"The test set has {integer(_n_test(frame))} images: two accuracies of about this size, on "
        rf"different images, would differ by up to {decimal(error, 2)} points in 95\,\% of cases with "
        "nothing behind it."
    )


def _full_size(inputs: Inputs) -> bool:
    return all(
        run.record.network is None or run.record.network.full_size
        for run in inputs.runs
        if run.record.experiment == LAB2
    )


def _at_once(frame: pd.DataFrame, arm: str) -> dict[float, pd.Series]:
    found = {share: points.pick(frame, LAB2, arm, AT_ONCE, sparsity=share) for share in SPARSITIES}
    return {share: values for share, values in found.items() if len(values)}


def _shares(shares: object) -> Tex:
    return listing([percent(100 * share, 0) for share in shares])


def _pruned(frame: pd.DataFrame, reported: Reported) -> Tex:
    found = _at_once(frame, "finetune")
    if not found:
        return Tex(f"Pruning without fine-tuning was {NOT_RUN} at this scale.")
    shown = listing([percent(printed(reported, f"lab2_b.{share:g}")) for share in found])
    return Tex(
        f"Without fine-tuning, the accuracy is {listing([accuracy(values) for values in found.values()])} "
        f"when {_shares(found)} of each layer's weights are set to zero (printed: {shown})."
    )


def _pruned_global(frame: pd.DataFrame) -> Tex:
    layer, over_all = _at_once(frame, "finetune"), _at_once(frame, "iterative_global")
    both = [share for share in over_all if share in layer]
    if not both:
        return Tex(f"One threshold for all layers without fine-tuning was {NOT_RUN} at this scale.")
    gaps = [(over_all[share] - layer[share]).mean() for share in both]
    better = sum(gap > 0 for gap in gaps)
    said = {len(both): "more", 0: "less"}.get(better)
    lead = (
        f"One threshold for all layers leaves {said} than one for each"
        if said
        else f"One threshold for all layers leaves more than one for each at {word(better)} of "
        f"{word(len(both))} shares"
    )
    return Tex(
        f"{lead}: {listing([signed(gap) for gap in gaps])} points at {_shares(both)}, which is not in "
        "the source."
    )


def _recovered(frame: pd.DataFrame, reported: Reported) -> Tex:
    last, base = _last(frame, "finetune"), points.started(frame)
    asked = points.pick(frame, LAB2, "finetune", "last", "sparsity")
    if not len(last):
        return Tex(f"Fine-tuning after pruning at once was {NOT_RUN} at this scale.")
    share = float(asked.iloc[0])
    before = points.pick(frame, LAB2, "finetune", AT_ONCE, sparsity=share)
    lost, left = (base - before).mean(), (base - last).mean()
    shown = [printed(reported, name) for name in ("lab2_a", "lab2_c")]
    recovered = percent(100 * (lost - left) / lost, 0) if lost > 0 else None
    text = (
        f"Fine-tuning the network that was pruned to {percent(100 * share, 0)} at once takes it from "
        f"{accuracy(before)} to {accuracy(last)}, "
    )
    text += (
        f"{recovered} of what pruning had lost" if recovered else "though pruning had lost nothing"
    )
    return Tex(
        f"{text}; it then differs from the network in floating point by {signed(-left)} points (printed, "
        f"best epoch: {signed(shown[1] - shown[0])})."
    )


def _iterative(frame: pd.DataFrame, reported: Reported) -> Tex:
    said = compared(
        _last(frame, "iterative"),
        _last(frame, "finetune"),
        ("pruning in steps", "pruning at once"),
        _n_test(frame),
    )
    gap = printed(reported, "lab2_d") - printed(reported, "lab2_c")
    return Tex(f"{said} The source finds {signed(gap)} points, and calls that slightly worse.")


def _global(frame: pd.DataFrame, reported: Reported) -> Tex:
    said = compared(
        _last(frame, "iterative_global"),
        _last(frame, "iterative"),
        ("one threshold for all layers", "one for each"),
        _n_test(frame),
    )
    gap = printed(reported, "lab2_e") - printed(reported, "lab2_d")
    return Tex(f"{said} The source finds {signed(gap)} points, both pruned in steps.")


def _protocol(frame: pd.DataFrame) -> Tex:
    gains = [
        gain
        for arm in labels.LAB2
        for gain in (points.pick(frame, LAB2, arm, "paper_protocol") - _last(frame, arm)).dropna()
    ]
    if not gains:
        return Tex("")
    return Tex(
        f"Choosing the best epoch on the test set, as the source does, adds up to "
        f"{decimal(max(gains), 2)} points to the accuracy after the last epoch."
    )


def _listed(layers: pd.DataFrame, arm: str, reported: Reported, part: str) -> pd.DataFrame:
    """Zeros by layer after the last epoch, with the share that the seed prints."""
    entries = reported.documents[SEED].entries
    chosen = layers[
        layers["stage"].eq("last") & layers["arm"].eq(arm) & layers["prunable"].eq(True)
    ]
    share = chosen["n_zeros"].astype(float) / chosen["n_weights"].astype(float)
    named = [entries.get(f"{part}.{name}") for name in chosen["name"]]
    values = [entry.values["sparsity"] if entry else float("nan") for entry in named]
    return chosen.assign(share=share, printed=values)


def _layers(layers: pd.DataFrame, reported: Reported, full_size: bool) -> Tex:
    found = _listed(layers, "finetune", reported, "lab2_c")
    if not len(found):
        return Tex("")
    equal = found.groupby("name")[["share", "printed"]].apply(
        lambda rows: bool((rows["share"] == rows["printed"]).all())
    )
    if equal.all():
        return Tex(
            f"Pruned layer by layer, the share of zeros equals the printed one in all {integer(len(equal))} "
            "layers, to the last digit: it depends on the number of weights and on the rule for the "
            "threshold alone."
        )
    return Tex(
        f"Pruned layer by layer, the share of zeros equals the printed one in {integer(equal.sum())} of "
        f"{integer(len(equal))} layers to the last digit"
        f"{'' if full_size else ': at this scale the layers have fewer weights than in the source'}."
    )


def _global_layers(layers: pd.DataFrame, reported: Reported) -> Tex:
    found = _listed(layers, "iterative_global", reported, "lab2_e")
    if not len(found):
        return Tex(f"Pruning over all layers was {NOT_RUN} at this scale.")
    means = found.groupby("name", sort=False)[["share", "printed"]].mean()
    ends = [(means[column].idxmin(), means[column].idxmax()) for column in ("share", "printed")]
    counts = found.groupby("seed")[["n_zeros", "n_weights"]].sum()
    total = 100 * (counts["n_zeros"] / counts["n_weights"]).mean()
    shown = 100 * reported.entry(SEED, "lab2_e.total").values["sparsity"]
    (least, most), (least_printed, most_printed) = (
        tuple(Tex(rf"\texttt{{{escape(name)}}}") for name in pair) for pair in ends
    )
    agree = ends[0] == ends[1]
    same = "as in the source" if agree else f"in the source {least_printed} and {most_printed}"
    return Tex(
        f"With one threshold for all layers {percent(total, 4)} of the weights are zero (printed: "
        f"{percent(shown, 4)}). The layer that keeps most is {least} "
        f"({percent(100 * means['share'].min())} zeros), the one that keeps least {most} "
        f"({percent(100 * means['share'].max())}), {same}."
    )
