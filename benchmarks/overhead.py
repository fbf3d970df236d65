"""Which share of a finished scale's time was not training."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

from benchmarks import paired
from partial_backprop.performance import Goal, Quantity

OURS = ("results/{}/", "figures/{}/", "paper/{}.pdf")
"""How the names of a scale's outputs begin."""


def overhead(root: Path, scale: str) -> Quantity | None:
    """Compare the time of all jobs of a scale with that of training in them."""
    # Snakemake notes when a job began and ended; a record has the seconds of its training. Those of the
    # epochs that arms share are in each arm's record too, and counted once. The plan itself, a few seconds
    # a run, is no job and left out.
    jobs: dict[str, tuple[float, float]] = {}
    for log, started, ended in _outputs(root / ".snakemake" / "metadata", scale):
        first, last = jobs.get(log, (started, ended))
        jobs[log] = min(first, started), max(last, ended)
    total = sum(ended - started for started, ended in jobs.values())
    training = sum(_trainings(root / "results" / scale / "runs"))
    if not 0 < training <= total:
        return None
    return Quantity(
        name="overhead",
        title=f"Time of scale {scale}'s {len(jobs)} jobs that was not training",
        unit="%",
        value=paired.spread([100 * (1 - training / total)]),
        goal=Goal(value=25.0, at_least=False),
    )


def _outputs(metadata: Path, scale: str) -> Iterator[tuple[str, float, float]]:
    """Yield, for each of a scale's outputs, log, beginning and end of the job that made it."""
    mine = tuple(name.format(scale) for name in OURS)
    for path in metadata.rglob("*"):
        if not path.is_file():
            continue
        encoded = path.relative_to(metadata).as_posix().replace("@", "").replace("/", "")
        try:
            output = base64.b64decode(encoded).decode()
            entry = json.loads(path.read_bytes())
        except ValueError:
            continue
        started, ended = entry.get("starttime"), entry.get("endtime")
        if (
            output.startswith(mine)
            and Path(metadata.parents[1], output).exists()
            and ended is not None
        ):
            yield " ".join(entry["log"]), started, ended


def _trainings(runs: Path) -> Iterator[float]:
    """Yield the seconds of each run's training, and once those that several runs share."""
    from partial_backprop.training import checkpoint

    shared: dict[Path, float] = {}
    for path in runs.glob("*/trunk/seed*/trunk.pt"):
        shared[path.parent] = float(checkpoint.load(path)["elapsed_s"])
    yield from shared.values()
    for path in runs.glob("*/*/seed*/record.json"):
        found = json.loads(path.read_text(encoding="utf-8"))
        training = found["config"]["training"] or {}  # none for a linear model
        trunk = path.parents[2] / "trunk" / path.parent.name
        begun = shared.get(trunk, 0.0) if training.get("shared_epochs") else 0.0
        yield found["provenance"]["wall_s"] - begun
