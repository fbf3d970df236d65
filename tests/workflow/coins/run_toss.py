"""Toss a coin."""

import random
import time

from partial_backprop.files import write_atomically
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.provenance import provenance
from partial_backprop.record import Record, write
from partial_backprop.run_config import RunConfig


def run(config: RunConfig, job: Job, *, share: float = 0.5, n_tosses: int = 1000) -> None:
    """Toss it, and leave every toss beside the record."""
    started = time.monotonic()
    draw = random.Random(config.seed)
    heads = [int(draw.random() < share) for _ in range(n_tosses)]
    write_atomically(job.out / "tosses.csv", "\n".join(["heads", *map(str, heads), ""]).encode())
    record = Record(
        scale=config.scale,
        experiment=config.experiment,
        arm=config.arm,
        seed=config.seed,
        config=config,
        config_sha256=config.sha256(),
        measurements={"coins": {"n_heads": sum(heads), "n_tosses": n_tosses}},
        provenance=provenance(config, None, time.monotonic() - started),
    )
    write(record, job.out / "record.json")
