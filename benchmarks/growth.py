"""How time and memory grow: with weights, with seeds, with jobs.

``python -m benchmarks.growth``. Gradients are drawn; records are copies of a published one; jobs are only
planned.
"""

import json
import multiprocessing
import os
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import yaml

from benchmarks import paired
from benchmarks.command import Benchmark, main
from benchmarks.kde import gradients, peak_mib
from benchmarks.project import ROOT, Project, project
from partial_backprop.freezing import fixed, otsu_kde, quantile
from partial_backprop.freezing.partial_backprop import PartialBackprop
from partial_backprop.performance import Curve, Point
from partial_backprop.record import Record
from partial_backprop.run_config import OptimizerConfig, RunConfig
from partial_backprop.startup import without_compiler
from partial_backprop.training import optimizers

WEIGHTS = (100_000, 1_000_000, 10_000_000, 100_000_000)
QUICK_WEIGHTS = (100_000, 1_000_000)
BYTES_PER_WEIGHT = 60
"""More than a step with a mask needs: weights, gradients, AMSGrad's state, mask, factors and anchor."""
SEEDS = (1, 10, 100, 1000)
QUICK_SEEDS = (1, 10)
PLANNED = {"smoke": (1, 5, 24)}
"""Scale -> seeds; the most make about 2,000 jobs."""
QUICK_PLANNED = {"smoke": (1,)}
N_TENSORS = 10
FROZEN = 0.8

MASKS = {
    "fixed": lambda found: fixed.mask(found, threshold=0.1, learning_rate=1e-3),
    "quantile": lambda found: quantile.mask(found, q=FROZEN),
    "otsu_kde": otsu_kde.mask,
}


def parameters(n: int) -> dict[str, torch.nn.Parameter]:
    """Make parameters with drawn gradients."""
    made = {}
    for number, drawn in enumerate(gradients(n).chunk(N_TENSORS)):
        made[str(number)] = torch.nn.Parameter(torch.zeros_like(drawn))
        made[str(number)].grad = drawn.clone()
    return made


def _mask(n: int, name: str, rounds: int, threads: int) -> tuple[list[float], float]:
    torch.set_num_threads(threads)
    found = {key: parameter.grad for key, parameter in parameters(n).items()}
    MASKS[name]({key: gradient[:100] for key, gradient in found.items()})  # imports
    before = peak_mib()
    taken = [paired.seconds(lambda: MASKS[name](found)) for _ in range(rounds)]
    return taken, peak_mib() - before


def _step(n: int, name: str, rounds: int, threads: int) -> tuple[list[float], float]:
    torch.set_num_threads(threads)
    without_compiler()
    _stepping(N_TENSORS, name)()  # imports
    before = peak_mib()
    step = _stepping(n, name)
    step()
    return [paired.seconds(step) for _ in range(rounds)], peak_mib() - before


def _stepping(n: int, name: str) -> Callable[[], None]:
    made = torch.nn.ParameterDict(parameters(n))
    optimizer = optimizers.build(made.parameters(), OptimizerConfig())
    if name == "pb":
        criterion = {"name": "quantile", "q": FROZEN}
        PartialBackprop(made, optimizer, criterion, start_epoch=0).begin_epoch(0)
    optimizer.step()
    return optimizer.step


def by_weights(
    what: str,
    measure: Callable[[int, str, int, int], tuple[list[float], float]],
    names: dict[str, str],
    sizes: Sequence[int],
    threads: int,
) -> list[Curve]:
    """Measure time and memory against the number of weights, each in a process of its own."""
    curves = []
    free = available_bytes()
    for name, title in names.items():
        times, memory = [], []
        for n in sizes:
            if n * BYTES_PER_WEIGHT > free:
                continue
            rounds = 3 if n > 10**7 else 7
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                taken, mib = pool.apply(measure, (n, name, rounds, threads))
            times.append(Point(x=n, value=paired.spread(taken)))
            memory.append(Point(x=n, value=paired.spread([mib])))
        if not times:
            continue
        for unit, points in (("s", times), ("MiB", memory)):
            curves.append(
                Curve(
                    name=f"{what}_{name}_{'time' if unit == 's' else 'memory'}",
                    title=title,
                    axis="weights",
                    unit=unit,
                    points=tuple(points),
                )
            )
    return curves


def available_bytes() -> int:
    """Return the memory that is free now."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="utf-8")
        return 1024 * int(re.search(r"MemAvailable: +(\d+)", text)[1])
    except (OSError, TypeError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def by_seeds(counts: Sequence[int]) -> list[Curve]:
    """Time the reading and summing up of many seeds' records."""
    from partial_backprop.frames.aggregate import layers_frame, runs_frame
    from partial_backprop.inputs import read_runs

    path = min((ROOT / "results/published/runs/lenet5_mnist/pb").glob("seed*/record.json"))
    content = json.loads(path.read_text(encoding="utf-8"))
    points = []
    with tempfile.TemporaryDirectory(prefix="partial_backprop_bench_") as folder:
        paths = []
        for n in counts:
            for seed in range(len(paths), n):
                paths.append(Path(folder) / f"seed{seed}" / "record.json")
                paths[-1].parent.mkdir()
                paths[-1].write_text(with_seed(content, seed).model_dump_json())

            def summed_up(n: int = n) -> None:
                runs = read_runs(paths[:n])
                runs_frame(runs)
                layers_frame(runs)

            taken = [paired.seconds(summed_up) for _ in range(3)]
            points.append(Point(x=n, value=paired.spread(taken)))
    return [
        Curve(
            name="seeds_time",
            title="Reading records and summing them up",
            axis="records",
            unit="s",
            points=tuple(points),
        )
    ]


def with_seed(content: dict, seed: int) -> Record:
    """Copy a record for another seed."""
    config = RunConfig.model_validate(content["config"] | {"seed": seed})
    changed = {"seed": seed, "config": config, "config_sha256": config.sha256()}
    return Record.model_validate(content | changed)


def by_jobs(planned: dict[str, Sequence[int]]) -> list[Curve]:
    """Time the planning of many jobs, without running any."""
    times, memory = [], []
    with project() as copy:
        for scale, counts in planned.items():
            for n_seeds in counts:
                set_seeds(copy, scale, n_seeds)
                started = time.perf_counter()
                n_jobs = copy.n_jobs(scale)
                taken = time.perf_counter() - started
                times.append(Point(x=n_jobs, value=paired.spread([taken])))
                memory.append(Point(x=n_jobs, value=paired.spread([copy.peak_mib])))
    return [
        Curve(
            name=f"jobs_{what}", title="Planning (dry run)", axis="jobs", unit=unit, points=points
        )
        for what, unit, points in (("time", "s", tuple(times)), ("memory", "MiB", tuple(memory)))
    ]


def set_seeds(copy: Project, scale: str, n: int) -> None:
    """Give all experiments of a scale as many seeds."""
    path = copy.root / "config" / "scales" / f"{scale}.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["seeds"] = list(range(n))
    for name, part in content["experiments"].items():
        # The features of the images are those of the encoder's only seed.
        if part and "seeds" in part and name not in ("encoder_pretraining", "caption_features"):
            part["seeds"] = list(range(n))
    path.write_text(yaml.safe_dump(content), encoding="utf-8")


def run(benchmark: Benchmark) -> None:
    """Measure all curves."""
    threads = benchmark.threads or 1  # as a run of the workflow has
    benchmark.on(threads)
    sizes = QUICK_WEIGHTS if benchmark.quick else WEIGHTS
    masks = {
        "fixed": "Mask, fixed threshold",
        "quantile": "Mask, quantile",
        "otsu_kde": "Mask, automatic threshold",
    }
    benchmark.add(by_weights("mask", _mask, masks, sizes, threads))
    steps = {"fb": "Step of AMSGrad, FB", "pb": "Step of AMSGrad, PB (strict)"}
    benchmark.add(by_weights("step", _step, steps, sizes, threads))
    benchmark.add(by_seeds(QUICK_SEEDS if benchmark.quick else SEEDS))
    benchmark.add(by_jobs(QUICK_PLANNED if benchmark.quick else PLANNED))


if __name__ == "__main__":
    main("growth", run)
