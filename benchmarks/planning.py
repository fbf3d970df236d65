"""How the planning of jobs grows with their number; none of them runs."""

import time
from collections.abc import Sequence

import yaml

from benchmarks import paired
from benchmarks.project import Project, project
from partial_backprop.performance import Curve, Point


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
