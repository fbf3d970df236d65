"""Write the tables of published results into README.md and docs/results.md, from the records."""

import math
from pathlib import Path

import pandas as pd

from partial_backprop import inputs, intervals, labels, reported
from partial_backprop.experiments.dessilbi import results as inclusion
from partial_backprop.experiments.partial_backprop import cnns
from partial_backprop.experiments.weight_pruning import results as sizes
from partial_backprop.measurements import captions, compression, filters
from partial_backprop.record import Record
from partial_backprop.report import ledger, numbers
from partial_backprop.report.frame import Results, results, select
from partial_backprop.report.stats import Interval

ROOT = Path(__file__).parents[1]
RUNS = ROOT / "results" / "published" / "runs"
ACCURACY = "test_accuracy_percent"
MARKS = "<!-- {0}: begin (scripts/readme_table.py writes this) -->\n", "<!-- {0}: end -->"
ARMS = ("fb", "pb", "pb_gradient", "pb_random")
"""The arms of the first table; all of them are in the paper's table_arms."""


def spread(values, digits=2):
    """Mean ± sample standard deviation, or the one value there is."""
    mean, std, n = intervals.summary(pd.Series(values))
    return f"{mean:.{digits}f}" + (f" ± {std:.{digits}f}" if n > 1 else "")


def signed(found: Interval) -> str:
    """Mean difference with its interval, where there is one."""
    if not found.n:
        return ""
    text = f"{found.mean:+.2f}"
    return text + (f" [{found.low:+.2f}, {found.high:+.2f}]" if found.low < found.high else "")


def minus(measured: Results, at: dict[str, str], base: str) -> Interval:
    """Compare an arm with another."""
    both = (at, at | {"arm": base})
    first, second = (select(measured.frame, ACCURACY, **one) for one in both)
    return numbers.difference((first, second), both, ACCURACY, measured.bits)


def published() -> str:
    """Return what FB, PB and their controls came to on each network that ran, in Markdown."""
    experiments = (*cnns.CNNS, *cnns.AS_IN_SOURCE.values())
    paths = [path for name in experiments for path in (RUNS / name).rglob("record.json")]
    found = inputs.read_inputs("published", paths, config_dir=ROOT / "config")
    measured = results(found.runs)
    lines = [
        "| network | arm | seeds | last epoch, % | best epoch on test, % | frozen, % | minus FB "
        "| minus random mask |",
        "|---|---|---|---|---|---|---|---|",
    ]
    same = {other: name for name, other in cnns.AS_IN_SOURCE.items()}
    for experiment, ran in cnns.as_in_source(found).items():
        if ran is None:
            continue
        entry = found.reported.entry("001", f"table_2.{same.get(experiment, experiment)}").values
        title = ran.where()
        for arm in ARMS:
            at = {"experiment": experiment, "arm": arm, "stage": "last"}
            last = select(measured.frame, ACCURACY, **at)
            if last.empty:
                continue
            best = select(measured.frame, ACCURACY, **(at | {"stage": "best_on_test"}))
            frozen = spread(select(measured.frame, "mask_zeros_percent", **at))
            printed = entry.get(f"{arm}_accuracy_percent")
            differences = [
                "" if arm in ("fb", base) else signed(minus(measured, at, base))
                for base in ("fb", "pb_random")
            ]
            cells = [
                title,
                labels.arm(arm),
                ", ".join(map(str, last.index)),
                spread(last),
                spread(best) + (f" ({printed:.2f})" if printed else ""),
                frozen + (f" ({entry['frozen_percent']:.2f})" if arm == "pb" else ""),
                *differences,
            ]
            lines.append(f"| {' | '.join(cells)} |")
            title = ""
    return "\n".join(lines) + "\n"


def records(run: str) -> list[Record]:
    """Return the published records of an experiment's arm, one for each seed."""
    found = inputs.read_runs(sorted((RUNS / run).glob("seed*/record.json")))
    return [one.record for one in found]


def percent(count) -> float:
    """Share of images classified correctly."""
    return 100 * count.n_correct / count.n_examples


def named(what: str, run: str) -> str:
    """Name data and seeds behind what was trained."""
    found = records(run)
    (data,) = {labels.data(one.data.name) for one in found}
    return f"{what} ({data}, {'one seed' if len(found) == 1 else f'{len(found)} seeds'})"


def compressed(arm: str, what: str) -> list[str]:
    """Line of a fine-tuned ResNet-20."""
    found, what = [compression.of(one) for one in records(arm)], named(what, arm)
    ends = {(one.finetuned.sparsity, one.finetuned.bits) for one in found}
    ((sparsity, bits),) = ends
    kept = f"{bits} bits" if sparsity is None else f"{100 * (1 - sparsity):.0f} % of the weights"
    whole = spread([percent(one.start_point.test) for one in found])
    return [what, kept, f"{whole} %", f"{spread([percent(one.finetuned.test) for one in found])} %"]


def printed_density() -> float:
    """Share of non-zero weights of LeNet-3 that DessiLBI's source prints, in percent."""
    read = reported.read(ROOT / "config")
    layers = [read.entry("004", f"table_7.fc{number}").values for number in (1, 2, 3)]
    # The first share is printed without its point.
    shares = [one.get("density", one.get("density_thousandths", 0) / 1000) for one in layers]
    sizes = [one["n_weights"] for one in layers]
    return 100 * sum(a * n for a, n in zip(shares, sizes, strict=True)) / sum(sizes)


CLAIMS = {
    "P4.lenet5": "LeNet-5: PB − FB, points; claimed: as accurate",
    "P9.loss.lenet5": "LeNet-5: PB − FB, points, at the best epochs on test, as the source counts",
    "P1.lenet5": "LeNet-5: PB − a random mask of the same size, points; claimed: better",
    "P9.frozen.lenet5": "LeNet-5: masked weights, %",
    "P18": "LeNet-5: farthest that a masked weight moves in the source's listing; claimed: none does",
    "P9.loss.vgg19": "VGG19: PB − FB, points",
    "P9.loss.resnet110": "ResNet-110: PB − FB, points",
    "P9.loss.densenet121": "DenseNet-121: PB − FB, points",
    "P35": "Captioner: PB − FB, BLEU-4 of beam search",
    "L25": "ResNet-20, 80 % of the weights pruned, fine-tuned: accuracy, %",
    "L31.4": "ResNet-20 in 4 bits, fine-tuned: accuracy, %",
    "W2.pruned": "Pruned network, optimizer's state included: what zip leaves of its file, %",
    "D3.lenet3": "DessiLBI, LeNet-3: sparse − full network, points; claimed: as accurate",
    "D7.fc1": "DessiLBI, LeNet-3: non-zero weights of the largest layer, %",
    "D3.conv2": "DessiLBI, Conv-2: sparse − full network, points; claimed: as accurate",
}
"""Claims of README.md's first screen, the failures among them, and what they are called there."""
TAGS = {"copy": "JPEG copy", "shortened": "shorter schedule", "reduced": "smaller network"}
REASONS = {
    "wide": "interval too wide",
    "at_chance": "the sparse network is at chance",
    "no_records": "",
    "holm": "not after correction",
}


def claims() -> str:
    """Return the verdicts on the claims that matter most, in Markdown."""
    found = inputs.read_inputs("published", RUNS.rglob("record.json"), config_dir=ROOT / "config")
    judged = {one.id: one for one in ledger.ledger(found)}
    lines = ["| claim | reported | measured | on | verdict |", "|---|---|---|---|---|"]
    for name, words in CLAIMS.items():
        one = judged[name]
        digits = 3 if one.claim.what.metric.startswith(("bleu", "drift")) else 2
        numbers = ["" if math.isnan(x) else f"{x:.{digits}f}" for x in (one.reported, one.estimate)]
        interval = f" [{one.low:.{digits}f}, {one.high:.{digits}f}]" if one.low < one.high else ""
        reason = REASONS.get(one.reason, one.reason.replace("_", " "))
        verdict = ": ".join(filter(None, [one.verdict, reason]))
        if one.verdict in ("reproduced", "contradicted") and one.tags:
            verdict += f" ({', '.join(TAGS.get(tag, tag) for tag in one.tags)})"
        cells = [words, numbers[0], numbers[1] + interval, ran_on(one, found.runs), verdict]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def ran_on(judgement, runs) -> str:
    """Name data, epochs and seeds; of several experiments, of the one with the most seeds."""
    if not judgement.n_seeds:
        return ""
    what = judgement.claim.what
    names = (what.experiment,) if isinstance(what.experiment, str) else what.experiment
    by_name = [[run for run in runs if run.key[:2] == (name, what.arm)] for name in names]
    used = max(by_name, key=len)
    (epochs,) = {run.epochs for run in used}
    data = used[0].record.data
    seeds = f"{judgement.n_seeds} seed{'s' if judgement.n_seeds > 1 else ''}"
    return f"{labels.data(data.name)}, {data.n_train:,} images, {epochs} epochs, {seeds}"


def relatives() -> str:
    """Return what the relatives of PB came to as a table in Markdown."""
    pruned = [sizes.of(one) for one in records("weight_pruning/pruned")]
    dense = [sizes.of(one) for one in records("weight_pruning/dense")]
    plain, lasso = (
        [filters.of(one) for one in records(f"filter_pruning/{arm}")]
        for arm in ("plain", "group_filters")
    )
    fb, pb = (
        [captions.of(one).test.beam.five.score(4) for one in records(f"captioning/{arm}")]
        for arm in ("fb", "pb")
    )
    masks = [one.freezing for one in records("captioning/pb")]
    frozen = [100 * one.total("n_mask_zeros") / one.total("n_weights") for one in masks]
    paths = [inclusion.of(one) for one in records("dessilbi_lenet3/path")]
    parameters = [100 * one.small.n_parameters / one.whole.n_parameters for one in lasso]
    zeros = [100 * one.n_zeros() / one.n_weights() for one in pruned]
    support = [100 * one.density(-1) for one in paths]
    rows = [
        ["what (data)", "what stays", "whole network", "with that alone"],
        ["---"] * 4,
        compressed("lab2_pruning/finetune", "ResNet-20 pruned"),
        compressed("lab3_quantization/finetune_4bit", "ResNet-20 quantized"),
        [
            named("CNN, weights pruned as it trains", "weight_pruning/pruned"),
            f"{spread([100 - zero for zero in zeros], 1)} % of the weights",
            f"{spread([percent(one.pruned.test) for one in dense])} %",
            f"{spread([percent(one.pruned.test) for one in pruned])} %",
        ],
        [
            named("FilterCNN, group lasso on filters", "filter_pruning/group_filters"),
            f"{spread(parameters, 1)} % of the parameters",
            f"{spread([percent(one.test.count) for one in plain])} %",
            f"{spread([percent(one.small_test) for one in lasso])} %",
        ],
        [
            named(f"Captioner, {spread(frozen, 1)} % of weights frozen", "captioning/pb")
            + "; beam search, five references",
            "all of it",
            f"BLEU-4 {spread(fb, 3)} (FB)",
            f"BLEU-4 {spread(pb, 3)} (PB)",
        ],
        [
            named("LeNet-3 by DessiLBI", "dessilbi_lenet3/path"),
            f"{spread(support)} % of the weights (the source: {printed_density():.1f} %)",
            f"{spread([percent(one.epochs[-1].full_test) for one in paths])} %",
            f"{spread([percent(one.epochs[-1].sparse_test) for one in paths])} %",
        ],
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


PAGES = {
    "README.md": {"claims": claims},
    "docs/results.md": {"published": published, "relatives": relatives},
}
"""Page -> its tables."""


def written(page: str, text: str) -> str:
    """Return a page's text with the tables of today in their places."""
    for name, table in PAGES[page].items():
        begin, end = (mark.format(name) for mark in MARKS)
        before, rest = text.split(begin)
        text = before + begin + table() + end + rest.split(end, 1)[1]
    return text


if __name__ == "__main__":
    for page in PAGES:
        path = ROOT / page
        path.write_text(written(page, path.read_text(encoding="utf-8")), encoding="utf-8")
