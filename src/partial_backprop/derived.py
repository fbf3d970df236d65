"""A scale made from another and a few changes that are given with the command."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from partial_backprop import config
from partial_backprop.config_files import Overlay
from partial_backprop.errors import UserError
from partial_backprop.files import validated, write_atomically
from partial_backprop.run_config import TrainingConfig


def derive_scale(base: str, overlay: Mapping[str, Any], directory: Path = config.CONFIG_DIR) -> str:
    """Make a scale from another and a few changes, and write its file."""
    given = ", ".join(overlay)
    if "name" not in overlay:
        raise UserError(
            f"{given}: what is changed runs under a name of its own, so that results of scale {base} "
            "stay: add one, such as name=quick"
        )
    change = validated(Overlay, overlay, "changes to the scale")
    if (directory / "scales" / f"{change.name}.yaml").exists():
        raise UserError(f"name={change.name}: there is a scale of this name: choose another")
    content = config.read_scale(base, directory).model_dump(mode="json", exclude_unset=True)
    parts = content.get("experiments", {})
    if isinstance(change.experiments, tuple):
        unknown = [name for name in change.experiments if name not in parts]
        if unknown:
            raise UserError(
                f"experiments: scale {base} has no {', '.join(unknown)}: it has {', '.join(parts)}"
            )
        parts = {name: parts[name] | {"on_request": False} for name in change.experiments}
    elif change.experiments:
        own = {
            name: part.model_dump(exclude_unset=True) for name, part in change.experiments.items()
        }
        parts = config.merge(parts, own)
    skipped = list(content.get("skip_arms", ()))
    for name, part in parts.items():
        experiment = config.read_experiment(name, directory)
        if change.seeds is not None:
            n_own = len(part.get("seeds") or change.seeds)
            part["seeds"] = list(change.seeds[:n_own])
            part["arm_seeds"] = {
                arm: list(change.seeds[: len(own)])
                for arm, own in part.get("arm_seeds", {}).items()
                if len(own) < n_own
            }
        if change.arms is not None and set(change.arms) & set(experiment["arms"]):
            skipped += [f"{name}/{arm}" for arm in experiment["arms"] if arm not in change.arms]
        if change.epochs is not None and experiment.get("training") is not None:
            part["training"] = _of_length(change.epochs, experiment, content.get("defaults"), part)
    content |= {"experiments": parts, "skip_arms": skipped}
    if change.seeds is not None:
        content["seeds"] = list(change.seeds)
    content["title"] = f"{content['title'].rstrip('.')}, with {_in_words(overlay)}"
    text = "# Written by the workflow: edits will be lost.\n" + yaml.safe_dump(
        content, sort_keys=False
    )
    path = directory / config.OWN_SCALES / f"{change.name}.yaml"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_atomically(path, text.encode())
    return change.name


def _in_words(overlay: Mapping[str, Any]) -> str:
    said = []
    for key, value in overlay.items():
        values = value if isinstance(value, list | dict) else [value]
        said += [f"{key}: {', '.join(map(str, values))}"] if key != "name" else []
    return "; ".join(said)


def _of_length(epochs: int, *layers: Mapping[str, Any] | None) -> dict[str, Any]:
    """Cut or stretch a training, its warm-up epochs and milestones within the new length."""
    training: dict[str, Any] = {}
    for layer in layers:
        training = config.merge(training, (layer or {}).get("training") or {})
    shared = training.get("shared_epochs", TrainingConfig().shared_epochs)
    milestones = training.get("milestones", TrainingConfig().milestones)
    return training | {
        "epochs": epochs,
        "shared_epochs": min(shared, epochs),
        "milestones": [milestone for milestone in milestones if milestone < epochs],
    }
