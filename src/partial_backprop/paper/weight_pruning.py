"""What the article says of weight pruning: what the files hold, and what is really smaller."""

import pandas as pd

from partial_backprop import labels
from partial_backprop.facts import of_runs
from partial_backprop.facts import sentences as told
from partial_backprop.inputs import Inputs, Run
from partial_backprop.measurements import sizes
from partial_backprop.measurements.sizes import MIB, SEED, Content, SizesReport
from partial_backprop.paper.compare import NOT_RUN
from partial_backprop.paper.lab_words import compared
from partial_backprop.paper.numbers import decimal, integer, percent, plural, points
from partial_backprop.paper.text import Tex, escape
from partial_backprop.reported import Reported

_CLOSE = 0.05
"""Two ratios of sizes agree if they differ by no more than this share of the printed one."""


def sentences(inputs: Inputs) -> dict[str, Tex]:
    """Say what was measured of weight pruning.

    Parameters
    ----------
    inputs : Inputs
        Runs of any experiments, and printed numbers.

    Returns
    -------
    dict
        Topic -> one or more sentences; empty where nothing was pruned.
    """
    runs = {arm: _runs(inputs, arm) for arm in labels.WEIGHT_PRUNING}
    found = [sizes.of(run.record) for run in runs["pruned"]]
    printed = {
        name: _printed(inputs.reported, f"size.{name}", "size_mb")
        for name in ("unpruned", "unpruned_zip", "pruned", "pruned_zip")
    }
    said = {
        "source": _source(inputs.reported, printed),
        "ran": _ran(inputs),
        **dict.fromkeys(
            ("setting", "schedule", "plain", "ratio", "zip", "stripped", "sparse", "accuracy"),
            Tex(""),
        ),
    }
    if not found:
        return said
    return said | {
        "setting": _setting(runs["pruned"]),
        "schedule": _schedule(found),
        "plain": _plain(found, printed),
        "ratio": _ratio(found, printed, runs["pruned"]),
        "zip": _zip(found, printed),
        "stripped": _stripped(found),
        "sparse": _sparse(found),
        "accuracy": _accuracy(runs, inputs.reported),
    }


def _runs(inputs: Inputs, arm: str) -> list[Run]:
    wanted = (sizes.EXPERIMENT, arm)
    return [run for run in inputs.runs if (run.record.experiment, run.record.arm) == wanted]


def _printed(reported: Reported, name: str, quantity: str) -> float:
    return reported.entry(SEED, f"weight_pruning.{name}").values[quantity]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _mib(found: list[SizesReport], content: Content, column: str = "n_bytes") -> float:
    return _mean([getattr(report.file(content), column) / MIB for report in found])


def _size(mib: float) -> Tex:
    return Tex(f"{mib:#.3g}\\,MiB" if mib < 1000 else f"{mib:.0f}\\,MiB")


def _share(part: float, whole: float) -> Tex:
    return percent(100 * part / whole, 0)


def _source(reported: Reported, printed: dict[str, float]) -> Tex:
    accuracies = [
        percent(100 * _printed(reported, f"{name}.accuracy", "test_accuracy"))
        for name in ("unpruned", "pruned")
    ]
    plain, zipped = (
        [decimal(printed[f"{name}{suffix}"], 2) for name in ("unpruned", "pruned")]
        for suffix in ("", "_zip")
    )
    # Four bytes a weight: what a file of this size can hold.
    millions = printed["unpruned"] * MIB / 4 / 1e6
    return Tex(
        f"It prints the sizes of an unpruned and a pruned model, {plain[0]} and {plain[1]}\\,Mb, after "
        f"compression {zipped[0]} and {zipped[1]}\\,Mb, and their accuracies, {accuracies[0]} and "
        f"{accuracies[1]}. It names neither network nor data; the unpruned file has room for about "
        f"{decimal(millions, 2)} million weights in single precision."
    )


def _ran(inputs: Inputs) -> Tex:
    facts = of_runs(sizes.EXPERIMENT, labels.PRUNINGS["cnn_training"], inputs.runs)
    if facts is None:
        return Tex("")
    arms = {run.record.arm for run in inputs.runs if run.record.experiment == sizes.EXPERIMENT}
    absent = [name for arm, name in labels.WEIGHT_PRUNING.items() if arm not in arms]
    missing = f" Not run: {'; '.join(map(escape, absent))}." if absent else ""
    return Tex(f"{escape(' '.join(told([facts])))}{missing}")


def _setting(runs: list[Run]) -> Tex:
    training = runs[0].record.config.training
    optimizer = training.optimizer
    name = labels.ALGORITHMS.get(optimizer.name, optimizer.name)
    return Tex(
        f"Fine-tuning takes {plural(training.epochs, 'epoch')} of {escape(name)} with a learning rate "
        f"of {decimal(optimizer.learning_rate)}, in batches of {integer(training.batch_size)}."
    )


def _schedule(found: list[SizesReport]) -> Tex:
    first, last = found[0].schedule[0], found[0].schedule[-1]
    zeros = _mean([100 * report.n_zeros() / report.n_weights() for report in found])
    return Tex(
        f"There are {plural(len(found[0].schedule), 'pruning')} from {percent(100 * first.share, 0)} "
        f"before the first step to {percent(100 * last.share, 0)} after step {integer(last.step)}; in "
        f"the end {percent(zeros)} of {integer(found[0].n_weights())} weights in "
        f"{plural(len(found[0].layers), 'layer')} are zero."
    )


def _plain(found: list[SizesReport], printed: dict[str, float]) -> Tex:
    plain, zipped, zstd = (
        _mib(found, "unpruned", column) for column in ("n_bytes", "n_bytes_zip", "n_bytes_zstd")
    )
    return Tex(
        f"The weights of the unpruned network take {_size(plain)}, of which a zip archive leaves "
        f"{_share(zipped, plain)} and zstd {_share(zstd, plain)} (printed, zip: "
        f"{_share(printed['unpruned_zip'], printed['unpruned'])}). The digits of trained weights look "
        "random to a compressor."
    )


def _ratio(found: list[SizesReport], printed: dict[str, float], runs: list[Run]) -> Tex:
    ratio = _mib(found, "training_state") / _mib(found, "unpruned")
    counted = _mean(
        [one.file("training_state").n_values / one.file("unpruned").n_values for one in found]
    )
    expected = printed["pruned"] / printed["unpruned"]
    name = runs[0].record.config.training.optimizer.name
    moments = " and Adam's two moments, four numbers in all" if name == "adam" else ""
    agree = abs(ratio - expected) <= _CLOSE * expected
    verdict = (
        r"\emph{This agrees with such a file}, and not with one of weights alone: what grew is what "
        "the training keeps, not the network."
        if agree
        else r"\emph{Such a file does not explain it} for the network that ran here."
    )
    return Tex(
        "A checkpoint of the training has the masks and the optimizer's state too: beside a weight, its "
        f"mask{moments}. Such a file of the pruned network is {decimal(ratio, 2)} times as large as that "
        f"of the unpruned weights; it holds {decimal(counted, 2)} times as many numbers. The printed sizes "
        f"have a ratio of {decimal(expected, 2)}. {verdict}"
    )


def _zip(found: list[SizesReport], printed: dict[str, float]) -> Tex:
    shares = {
        name: _mib(found, name, "n_bytes_zip") / _mib(found, name)
        for name in ("training_state", "training_state_masked")
    }
    expected = printed["pruned_zip"] / printed["pruned"]
    nearest = min(shares, key=lambda name: abs(shares[name] - expected))
    closer = "former" if nearest == "training_state" else "latter"
    as_it_is, masked = (percent(100 * share, 0) for share in shares.values())
    return Tex(
        f"A zip archive leaves {as_it_is} of this file, since the optimizer's state follows the "
        "gradients of pruned weights too; were the state zero wherever a weight is pruned, it would "
        f"leave {masked}. The printed sizes have {percent(100 * expected, 0)}, which is closer to the "
        f"{closer}."
    )


def _stripped(found: list[SizesReport]) -> Tex:
    zipped, zstd = (
        _mib(found, "unpruned", column) / _mib(found, "weights", column)
        for column in ("n_bytes_zip", "n_bytes_zstd")
    )
    plain = _mib(found, "weights") / _mib(found, "unpruned")
    return Tex(
        f"The pruned weights alone take {decimal(plain, 2)} times the file of the unpruned ones, for a "
        "zero is stored like any other number. Only the compressors profit from the zeros: zip leaves "
        f"a file {decimal(zipped, 1)} times smaller than the zipped unpruned weights, zstd one "
        f"{decimal(zstd, 1)} times smaller."
    )


def _sparse(found: list[SizesReport]) -> Tex:
    plain, zipped = (
        _mib(found, "unpruned", column) / _mib(found, "sparse", column)
        for column in ("n_bytes", "n_bytes_zip")
    )
    same = sum(report.n_same_outputs for report in found)
    n_images = sum(report.pruned.test.n_examples for report in found)
    verdict = (
        f"gives the same outputs on all {integer(n_images)} test images, bit for bit"
        if same == n_images
        else rf"\emph{{gives other outputs on {integer(n_images - same)} of {integer(n_images)} test "
        r"images}, which is an error of the format or of the machine"
    )
    return Tex(
        f"In the sparse format they take {_size(_mib(found, 'sparse'))}, {decimal(plain, 1)} times less "
        f"than the unpruned weights, and {decimal(zipped, 1)} times less where both are zipped. The "
        f"network that is loaded from this file {verdict}."
    )


def _percents(runs: list[Run]) -> pd.Series:
    counts = {run.record.seed: sizes.of(run.record).pruned.test for run in runs}
    shares = {seed: 100 * one.n_correct / one.n_examples for seed, one in counts.items()}
    return pd.Series(shares, dtype=float)


def _accuracy(runs: dict[str, list[Run]], reported: Reported) -> Tex:
    found = {run.record.seed: sizes.of(run.record).unpruned.test for run in runs["pruned"]}
    before = pd.Series(
        {seed: 100 * one.n_correct / one.n_examples for seed, one in found.items()}, dtype=float
    )
    n_test = next(iter(found.values())).n_examples
    pruned, dense = (_percents(runs[arm]) for arm in labels.WEIGHT_PRUNING)
    gain = 100 * (
        _printed(reported, "pruned.accuracy", "test_accuracy")
        - _printed(reported, "unpruned.accuracy", "test_accuracy")
    )
    names = ("the pruned network", "the unpruned one it started from")
    said = [
        compared(pruned, before, names, n_test),
        Tex(f"The source finds {points(gain)} points."),
        Tex(
            "But the pruned network was also trained longer."
            if len(dense)
            else f"Fine-tuning without pruning, the fair comparison, was {NOT_RUN}."
        ),
    ]
    if len(dense):
        others = ("the pruned network", "one that was fine-tuned as long without pruning")
        said.append(compared(pruned, dense, others, n_test))
    return Tex(" ".join(said))
