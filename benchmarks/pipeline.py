"""What everything that is not training costs.

``python -m benchmarks.pipeline``: a run with nothing to do, one figure's rebuild, the start of a
process that trains, and, where a finished scale lies in ``results``, the share of its time that was not
training.
"""

import shutil
import subprocess
import sys

from benchmarks import paired
from benchmarks.command import Benchmark, main
from benchmarks.overhead import overhead
from benchmarks.project import ROOT, Project, project
from partial_backprop.performance import Goal, Quantity

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
    times = paired.take_turns(ways, rounds=rounds)
    parts = {name: times.spread(name) for name in _STARTS}
    return [
        Quantity(
            name="start",
            title="Start of a process that trains, to its first step",
            unit="s",
            value=times.spread("ours"),
            parts=parts,
        ),
        Quantity(
            name="start_ratio",
            title="The same with torch's compiler and collection of garbage, over without",
            unit="×",
            value=times.ratio("plain", "ours"),
            parts={name: parts[name] for name in ("plain", "ours")},
        ),
        Quantity(
            name="start_torch",
            title="Of it, the import of torch and Python's own start",
            unit="s",
            value=times.spread("torch"),
        ),
    ]


def nothing_to_do(copy: Project, rounds: int) -> Quantity:
    """Time snakemake on a finished scale."""
    copy.finish(SCALE)
    told = copy.snakemake(SCALE)
    if _NOTHING not in told:
        raise RuntimeError(f"scale {SCALE} was not finished: {told[-500:]}")
    times = paired.take_turns({"idle": lambda: copy.snakemake(SCALE)}, rounds=rounds, warm_up=0)
    return Quantity(
        name="nothing_to_do",
        title=f"A run of scale {SCALE} with nothing to do",
        unit="s",
        value=times.spread("idle"),
        goal=Goal(value=5.0, at_least=False),
    )


def figure(copy: Project, rounds: int) -> Quantity:
    """Time the rebuild of a figure whose module was edited."""
    shutil.copytree(ROOT / "results" / "published", copy.root / "results" / "published")
    target = f"figures/published/{FIGURE}.pdf"

    def rebuild() -> None:
        copy.snakemake("published", target, "--forcerun", FIGURE)

    times = paired.take_turns({"figure": rebuild}, rounds=rounds)
    return Quantity(
        name="figure",
        title="Rebuild of one figure (Lab 2, published runs), snakemake included",
        unit="s",
        value=times.spread("figure"),
        goal=Goal(value=15.0, at_least=False),
    )


if __name__ == "__main__":
    main("pipeline", run)
