"""The runs of Lab 1, made by the recipe itself with the project's own ``lab1.yaml``.

All of them take a second, so there is no need to make numbers up.
"""

import dataclasses
import functools
import tempfile
from pathlib import Path

import yaml

from partial_backprop import config, registry, reported
from partial_backprop.experiments.linear_models.results import EXPERIMENT
from partial_backprop.inputs import Inputs, read_inputs
from partial_backprop.recipes.job import Job
from partial_backprop.record import Record

CONFIG = Path(__file__).parents[1] / "config"
SCALE = "lab"
ARMS = tuple(config.read_experiment(EXPERIMENT, CONFIG)["arms"])


def write_config(root: Path) -> Path:
    """Write a configuration folder with the project's lab at a scale of its own."""
    folder = root / "config"
    scale = {"title": "a test", "seeds": [0], "experiments": {EXPERIMENT: {}}}
    (folder / "scales").mkdir(parents=True)
    (folder / "config.yaml").write_text(f"scale: {SCALE}\n")
    (folder / "scales" / f"{SCALE}.yaml").write_text(yaml.safe_dump(scale))
    (folder / "reported.yaml").write_bytes((CONFIG / "reported.yaml").read_bytes())
    return folder


def run(folder: Path, arm: str, out: Path) -> Path:
    """Run an arm."""
    resolved = config.resolve(SCALE, EXPERIMENT, arm, 0, folder)
    options = {key: value for key, value in resolved.recipe.items() if key != "name"}
    registry.load("recipes", resolved.recipe["name"])(resolved, Job(out, out, None), **options)
    return out / "record.json"


@functools.cache
def inputs() -> Inputs:
    """Run every arm and read it as tables and figures do."""
    with tempfile.TemporaryDirectory() as root:
        folder = write_config(Path(root))
        paths = [run(folder, arm, Path(root) / arm / "seed0") for arm in ARMS]
        found = read_inputs(SCALE, paths, config_dir=folder)
    return with_printed(dataclasses.replace(found, config_dir=CONFIG))


def with_printed(inputs: Inputs) -> Inputs:
    """Add the lines of sparse_homework on Lab 1 (f)."""
    read = {"l1_loss_above": 0.01, "l1_loss_below": 10, "trimmed_loss_below_minus_log10": 27}
    entries = {
        "lab1_f": reported.Entry(place="Lab 1 (f)", line=169, values=read),
        "lab1_f.pruning": reported.Entry(place="Lab 1 (f)", line=171, values={"settled_step": 160}),
    }
    document = reported.Document(title="labs", source="sparse_homework", entries=entries)
    printed = reported.Reported(documents={**inputs.reported.documents, "003": document})
    return dataclasses.replace(inputs, reported=printed)


def records() -> dict[str, Record]:
    """Return the records by arm."""
    return {run.record.arm: run.record for run in inputs().runs}


def without(*arms: str) -> Inputs:
    """Leave arms out."""
    found = inputs()
    return dataclasses.replace(
        found, runs=tuple(run for run in found.runs if run.record.arm not in arms)
    )
