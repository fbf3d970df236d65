"""Runs of small experiments, in a configuration folder of their own."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import yaml

from partial_backprop import config, registry
from partial_backprop.recipes.job import Job
from partial_backprop.run_config import RunConfig


def write_config(folder: Path, scale: Mapping, experiments: Mapping[str, Mapping]) -> Path:
    """Write a scale of the name ``s``, and its experiments; return the folder."""
    files = {"scales/s": scale} | {f"experiments/{name}": one for name, one in experiments.items()}
    for name, content in files.items():
        path = folder / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder


def run(resolved: RunConfig, **job: Any) -> None:
    """Run a configuration as the command line does, on the processor."""
    options = dict(resolved.recipe)
    recipe = registry.load("recipes", options.pop("name"))
    recipe(
        resolved, Job(**{"data_root": job["out"], "device": torch.device("cpu")} | job), **options
    )


def each_once(
    folder: Path, new_folder: Callable[[str], Path], start_from: str = "weights.pt"
) -> Callable[[str, str], Path]:
    """Function from experiment and arm to the folder of its finished run, each made once.

    A run that starts from another is given that one's file of the name `start_from`.
    """
    made: dict[tuple[str, str], Path] = {}

    def make(experiment: str, arm: str) -> Path:
        if (experiment, arm) not in made:
            out = new_folder(arm)
            resolved = config.resolve("s", experiment, arm, 0, folder)
            start = resolved.recipe.get("start")
            run(resolved, out=out, start=make(*start.split("/")) / start_from if start else None)
            made[experiment, arm] = out
        return made[experiment, arm]

    return make
