"""Write the table of docs/finetuning.md, from the published records."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from partial_backprop import folders, inputs, intervals
from partial_backprop.experiments.finetuning import results as finetuning
from partial_backprop.frames import aggregate

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "finetuning.md"
RUNS = ROOT / "results" / "published" / "runs" / "finetune"
BEGIN = "<!-- finetuning: begin (scripts/finetuning_table.py writes this) -->\n"
END = "<!-- finetuning: end -->"
MB = 1e6


def mean(values: Iterable[float | None], digits: int) -> str:
    """Mean over seeds, or a dash where a run does not tell."""
    values = list(values)
    return "–" if None in values else f"{sum(values) / len(values):.{digits}f}"


def table(runs: Sequence[inputs.Run]) -> str:
    """Return one line an arm, in Markdown."""
    if not runs:
        return "Not run yet: no records are published.\n"
    frame = aggregate.runs_frame(runs)
    lines = [
        "| what trains | seeds | active, % | test accuracy, % | minus FB, points | state, MB | file, MB "
        "| peak, MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    column = "test_accuracy_percent"
    whole = aggregate.by_seed(frame, "finetune", "fb", column)
    for arm, name in folders.about("finetuning").arms.items():
        accuracy = aggregate.by_seed(frame, "finetune", arm, column)
        if accuracy.empty:
            continue
        found = [finetuning.of(run.record) for run in runs if run.record.arm == arm]
        over_seeds, difference = intervals.summary(accuracy), paired(whole, accuracy)
        spread = f" ± {over_seeds.std:.2f}" if over_seeds.n > 1 else ""
        cells = [
            name,
            ", ".join(map(str, accuracy.index)),
            mean((100 * one.n_active / one.n_weights for one in found), 2),
            f"{over_seeds.mean:.2f}{spread}",
            "" if arm == "fb" else difference,
            mean(((one.n_state_bytes + one.n_position_bytes) / MB for one in found), 2),
            mean((one.n_file_bytes / MB for one in found), 2),
            mean((one.n_peak_bytes and one.n_peak_bytes / MB for one in found), 0),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def paired(whole: pd.Series, accuracy: pd.Series) -> str:
    """Difference to FB with its 95 % interval."""
    found = intervals.paired_difference(whole, accuracy)
    if not found.n:
        return ""
    interval = f" [{found.low:+.2f}, {found.high:+.2f}]" if found.low < found.high else ""
    return f"{found.mean:+.2f}{interval}"


def written(text: str) -> str:
    """Return the page with the table of today in its place."""
    before, rest = text.split(BEGIN)
    runs = inputs.read_runs(sorted(RUNS.rglob("record.json")))
    return before + BEGIN + table(runs) + END + rest.split(END, 1)[1]


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
