"""Write the table of published results into README.md, from the records."""

import sys
from pathlib import Path

from partial_backprop import inputs, intervals, labels
from partial_backprop.frames import aggregate

ROOT = Path(__file__).parents[1]
BEGIN = "<!-- published: begin (scripts/readme_table.py writes this) -->\n"
END = "<!-- published: end -->"
EXPERIMENT = "lenet5_mnist"


def spread(values, digits=2):
    """Mean ± sample standard deviation, or the one value there is."""
    mean, std, n = intervals.summary(values)
    return f"{mean:.{digits}f}" + (f" ± {std:.{digits}f}" if n > 1 else "")


def table() -> str:
    """Return the published results as a table in Markdown."""
    paths = (ROOT / "results" / "published" / "runs" / EXPERIMENT).rglob("record.json")
    frame = aggregate.runs_frame(inputs.read_runs(paths))
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


def written(text: str) -> str:
    """Return the README with the table of today in its place."""
    before, rest = text.split(BEGIN)
    return before + BEGIN + table() + END + rest.split(END, 1)[1]


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(written(readme.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(table())
