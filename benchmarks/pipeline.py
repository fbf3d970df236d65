"""What everything that is not training costs.

``python -m benchmarks.pipeline``: a run with nothing to do, one figure's rebuild, the start of a
process that trains, and, where a finished scale lies in ``results``, the share of its time that was not
training.
"""

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import paired
from benchmarks.command import Benchmark, main, quantity
from benchmarks.project import ROOT, Project, project
from partial_backprop.performance import Quantity

SCALE = "demo"
FIGURE = "figure_lab2"
"""Drawn from the published runs, so that nothing has to be trained."""

_NOTHING = "Nothing to be done"
_IMPORTS = """
import torch
import partial_backprop.cli, partial_backprop.recipes.classify
from partial_backprop.startup import imported, without_compiler
from partial_backprop.run_config import OptimizerConfig
from partial_backprop.training import optimizers
from partial_backprop.training.seeding import make_deterministic
"""
_STEP = """
weight = torch.nn.Parameter(torch.zeros(1))
optimizer = optimizers.build([weight], OptimizerConfig())
weight.sum().backward()
optimizer.step()
"""
_STARTS = {
    "python": "",
    "torch": "import gc\ngc.disable()\nimport torch\ngc.freeze()",
    "plain": f"{_IMPORTS}torch.use_deterministic_algorithms(True){_STEP}",
    "ours": f"import gc\ngc.disable(){_IMPORTS}"
    f"imported(); without_compiler(); make_deterministic(1){_STEP}",
}
"""What a process does, from nothing to the first step of a training."""

OUTPUTS = ("results/{}/", "figures/{}/", "paper/{}.pdf")
"""How the names of a scale's outputs begin."""


def run(benchmark: Benchmark) -> None:
    """Measure all of it."""
    benchmark.on(1)
    rounds = 1 if benchmark.quick else 5
    benchmark.add(starts(3 if benchmark.quick else 7))
    if found := overhead(ROOT, SCALE):
        benchmark.add([found])
    with project() as copy:
        benchmark.add([figure(copy, rounds)])
        benchmark.add([nothing_to_do(copy, rounds)])


def starts(rounds: int) -> list[Quantity]:
    """Time the start of processes."""

    def start(code: str) -> None:
        subprocess.run([sys.executable, "-c", code], check=True)

    ways = {name: lambda code=code: start(code) for name, code in _STARTS.items()}
    times = paired.interleave(ways, rounds=rounds)
    parts = {name: times.spread(name) for name in _STARTS}
    return [
        quantity(
            "start",
            "Start of a process that trains, to its first step",
            "s",
            times.spread("ours"),
            parts=parts,
        ),
        quantity(
            "start_ratio",
            "The same with torch's compiler and collection of garbage, over without",
            "×",
            times.ratio("plain", "ours"),
            parts={name: parts[name] for name in ("plain", "ours")},
        ),
        quantity(
            "start_torch",
            "Of it, the import of torch and Python's own start",
            "s",
            times.spread("torch"),
        ),
    ]


def nothing_to_do(copy: Project, rounds: int) -> Quantity:
    """Time snakemake on a finished scale."""
    copy.finish(SCALE)
    printed = copy.snakemake(SCALE)
    if _NOTHING not in printed:
        raise RuntimeError(f"scale {SCALE} was not finished: {printed[-500:]}")
    times = paired.interleave({"idle": lambda: copy.snakemake(SCALE)}, rounds=rounds, warm_up=0)
    return quantity(
        "nothing_to_do",
        f"A run of scale {SCALE} with nothing to do",
        "s",
        times.spread("idle"),
        at_most=5.0,
    )


def figure(copy: Project, rounds: int) -> Quantity:
    """Time the rebuild of a figure whose module was edited."""
    shutil.copytree(ROOT / "results" / "published", copy.root / "results" / "published")
    target = f"figures/published/{FIGURE}.pdf"

    def rebuild() -> None:
        copy.snakemake("published", target, "--forcerun", FIGURE)

    times = paired.interleave({"figure": rebuild}, rounds=rounds)
    return quantity(
        "figure",
        "Rebuild of one figure (Lab 2, published runs), snakemake included",
        "s",
        times.spread("figure"),
        at_most=15.0,
    )


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
    return quantity(
        name="overhead",
        title=f"Time of scale {scale}'s {len(jobs)} jobs that was not training",
        unit="%",
        value=paired.spread([100 * (1 - training / total)]),
        at_most=25.0,
    )


def _outputs(metadata: Path, scale: str) -> Iterator[tuple[str, float, float]]:
    """Yield, for each of a scale's outputs, log, beginning and end of the job that made it."""
    mine = tuple(name.format(scale) for name in OUTPUTS)
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


if __name__ == "__main__":
    main("pipeline", run)
