"""Runs of small experiments, in a configuration folder of their own."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import yaml

from partial_backprop import config, record, registry
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.run_checkpoint import RunCheckpoint
from partial_backprop.run_config import TRUNK, RunConfig

CPU = torch.device("cpu")


def write_config(folder: Path, scale: Mapping, experiments: Mapping[str, Mapping]) -> Path:
    """Write a scale of the name ``s``, and its experiments; return the folder."""
    files = {"scales/s": scale, "config": {"scale": "s"}}
    files |= {f"experiments/{name}": one for name, one in experiments.items()}
    for name, content in files.items():
        path = folder / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder


def run(resolved: RunConfig, out: Path, **job: Any) -> record.Record:
    """Run a configuration as the command line does, on the processor."""
    options = dict(resolved.recipe)
    recipe = registry.load("recipes", options.pop("name"))
    recipe(resolved, Job(**{"out": out, "data_root": out, "device": CPU} | job), **options)
    return record.read(out / "record.json") if resolved.arm != TRUNK else None


class Lab:
    """Experiments whose runs are made once each, as they are asked for."""

    def __init__(self, folder: Path, new_folder: Callable[[str], Path], features: Path) -> None:
        self.folder, self._new_folder, self._features = folder, new_folder, features
        self._made: dict[tuple[str, str], Path] = {}

    def resolved(self, experiment: str, arm: str, seed: int = 0) -> RunConfig:
        return config.resolve("s", experiment, arm, seed, self.folder)

    def needs(self, resolved: RunConfig) -> dict[str, Any]:
        """Trunk, features and starting weights of a run, as the workflow gives them."""
        found = {"features": self._features} if resolved.recipe["name"] == "caption" else {}
        if start := resolved.recipe.get("start"):
            of_path = resolved.recipe["name"] == "ticket"
            found["start"] = (
                self.finished(*start.split("/")) / f"{'path' if of_path else 'weights'}.pt"
            )
        if resolved.arm != TRUNK and resolved.training and resolved.training.shared_epochs:
            found["trunk"] = self.finished(resolved.experiment, TRUNK) / "trunk.pt"
        return found

    def finished(self, experiment: str, arm: str) -> Path:
        """Folder of a finished run."""
        if (experiment, arm) not in self._made:
            resolved, out = self.resolved(experiment, arm), self._new_folder(arm)
            run(resolved, out, **self.needs(resolved))
            self._made[experiment, arm] = out
        return self._made[experiment, arm]

    def record(self, experiment: str, arm: str) -> record.Record:
        return record.read(self.finished(experiment, arm) / "record.json")

    def weights(self, experiment: str, arm: str) -> dict[str, torch.Tensor]:
        return torch.load(self.finished(experiment, arm) / "weights.pt", weights_only=True)

    def history(self, experiment: str, arm: str) -> list[str]:
        """Lines of the course, without the heading."""
        return (self.finished(experiment, arm) / "history.csv").read_text().splitlines()[1:]


def stopped(monkeypatch, resolved: RunConfig, out: Path, after: int, **job: Any) -> None:
    """Run until some checkpoints are written, and stop there as Ctrl-C does."""
    save, saved = RunCheckpoint.save, []

    def stop(self):
        save(self)
        saved.append(self)
        if len(saved) == after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(RunCheckpoint, "save", stop)
        try:
            run(resolved, out, **job)
        except KeyboardInterrupt:
            return
    raise AssertionError("the run ended before its checkpoint")
