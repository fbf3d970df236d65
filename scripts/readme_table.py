"""Write the tables of published results into README.md, from the records."""

import sys
from pathlib import Path

import pandas as pd

from partial_backprop import inputs, intervals, labels
from partial_backprop.frames import aggregate
from partial_backprop.measurements import captions, compression, filters, inclusion, sizes
from partial_backprop.record import Record

ROOT = Path(__file__).parents[1]
RUNS = ROOT / "results" / "published" / "runs"
MARKS = "<!-- {0}: begin (scripts/readme_table.py writes this) -->\n", "<!-- {0}: end -->"
EXPERIMENT = "lenet5_mnist"


def spread(values, digits=2):
    """Mean ± sample standard deviation, or the one value there is."""
    mean, std, n = intervals.summary(pd.Series(values))
    return f"{mean:.{digits}f}" + (f" ± {std:.{digits}f}" if n > 1 else "")


def published() -> str:
    """Return what FB and PB came to as a table in Markdown."""
    frame = aggregate.runs_frame(inputs.read_runs((RUNS / EXPERIMENT).rglob("record.json")))
    lines = [
        "| arm | seeds | last epoch, test % | best epoch on test, % | frozen % | unmoved % | PB − FB |",
        "|---|---|---|---|---|---|---|",
    ]
    last_fb = aggregate.by_seed(frame, EXPERIMENT, "fb", "test_accuracy_percent", "last")
    for arm in [arm for arm in labels.ARMS if arm in set(frame["arm"])]:

        def pick(column, rule="last", arm=arm):
            return aggregate.by_seed(frame, EXPERIMENT, arm, column, rule)

        last = pick("test_accuracy_percent")
        difference = intervals.paired_difference(last_fb, last)
        text = "" if arm == "fb" else f"{difference.mean:+.2f}"
        if arm != "fb" and difference.n > 1:
            text += f" [{difference.low:+.2f}, {difference.high:+.2f}]"
        cells = [
            labels.arm(arm),
            ", ".join(map(str, last.index)),
            spread(last),
            spread(pick("test_accuracy_percent", "paper_protocol")),
            spread(pick("mask_zeros_percent")),
            spread(pick("unmoved_percent")),
            text,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def records(run: str) -> list[Record]:
    """Return the published records of an experiment's arm, one for each seed."""
    found = inputs.read_runs(sorted((RUNS / run).glob("seed*/record.json")))
    return [one.record for one in found]


def percent(count) -> float:
    """Share of images classified correctly."""
    return 100 * count.n_correct / count.n_examples


def compressed(arm: str, what: str) -> list[str]:
    """Line of a fine-tuned ResNet-20."""
    found = [compression.of(one) for one in records(arm)]
    ends = {(one.finetuned.sparsity, one.finetuned.bits) for one in found}
    ((sparsity, bits),) = ends
    kept = f"{bits} bits" if sparsity is None else f"{100 * (1 - sparsity):.0f} % of the weights"
    whole = spread([percent(one.start_point.test) for one in found])
    return [what, kept, f"{whole} %", f"{spread([percent(one.finetuned.test) for one in found])} %"]


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
        compressed("lab2_pruning/finetune", "ResNet-20 pruned (CIFAR-10)"),
        compressed("lab3_quantization/finetune_4bit", "ResNet-20 quantized (CIFAR-10)"),
        [
            "Small CNN, weights pruned as it trains (CIFAR-10)",
            f"{spread([100 - zero for zero in zeros], 1)} % of the weights",
            f"{spread([percent(one.pruned.test) for one in dense])} %",
            f"{spread([percent(one.pruned.test) for one in pruned])} %",
        ],
        [
            "Small CNN, group lasso on filters (CIFAR-10)",
            f"{spread(parameters, 1)} % of the parameters",
            f"{spread([percent(one.test.count) for one in plain])} %",
            f"{spread([percent(one.small_test) for one in lasso])} %",
        ],
        [
            f"Captioner, {spread(frozen, 1)} % of weights frozen (Flickr8k)",
            "all of it",
            f"BLEU-4 {spread(fb, 3)} (FB)",
            f"BLEU-4 {spread(pb, 3)} (PB)",
        ],
        [
            "LeNet-3 by DessiLBI (MNIST)",
            f"{spread(support)} % of the weights",
            f"{spread([percent(one.epochs[-1].full_test) for one in paths])} %",
            f"{spread([percent(one.epochs[-1].sparse_test) for one in paths])} %",
        ],
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


TABLES = {"published": published, "relatives": relatives}


def written(text: str) -> str:
    """Return the README with the tables of today in their places."""
    for name, table in TABLES.items():
        begin, end = (mark.format(name) for mark in MARKS)
        before, rest = text.split(begin)
        text = before + begin + table() + end + rest.split(end, 1)[1]
    return text


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(written(readme.read_text(encoding="utf-8")), encoding="utf-8")
    for table in TABLES.values():
        sys.stdout.write(f"{table()}\n")
