"""Train a classifier by DessiLBI along its inclusion path, or by a rival of it (dessilbi2020)."""

from typing import Any

from partial_backprop.errors import UserError
from partial_backprop.measurements import inclusion
from partial_backprop.recipes import contenders
from partial_backprop.recipes.course import leave, train
from partial_backprop.recipes.inclusion_path import InclusionPath
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.pretrain import augmentation
from partial_backprop.recipes.setting import Setting, prepare
from partial_backprop.recipes.top_five import top_five
from partial_backprop.run_config import RunConfig
from partial_backprop.training import history
from partial_backprop.training.loop import Hooks


def run(
    config: RunConfig,
    job: Job,
    *,
    # Takes the place of ``training.optimizer``, with its learning rate, momentum and weight decay:
    # ``dessilbi`` and ``nesterov`` that of ``sgd``, ``adabound``, ``adagrad`` and ``radam`` that of
    # ``adam``; the others are what stands there
    optimizer: str = "dessilbi",
    # kappa, nu: what DessiLBI calls κ and ν, greater than 0
    kappa: float = 1.0,
    nu: float = 100.0,
    # What it calls λ, from 0 up
    lam: float = 1.0,
    # What a group of a linear layer is
    linear_groups: str = "elements",
    # Weight, from 0 up, of the penalty ‖W‖₁ on the weights of convolutions and linear layers
    l1: float = 0.0,
    # Largest shift of the random crops, in pixels; None trains on the images as they are
    padding: int | None = None,
) -> None:
    """Train, and by DessiLBI read the support of Γ after every epoch."""
    # Source: dessilbi2020, Tables 1 to 5 and 7 to 9; METHODS E
    options = {"kappa": kappa, "nu": nu, "lam": lam, "linear_groups": linear_groups}
    setting, hooks = begin(config, job, optimizer, options, l1=l1, padding=padding)
    follow(config, job, setting, hooks, InclusionPath(setting) if optimizer == "dessilbi" else None)


def begin(
    config: RunConfig,
    job: Job,
    optimizer: str,
    options: dict[str, Any],
    *,
    l1: float,
    padding: int | None,
) -> tuple[Setting, dict[str, Any]]:
    """Prepare a training."""
    setting = prepare(config, job)
    try:
        contenders.put(setting, optimizer, config.training.optimizer, options)
        hooks = contenders.penalty(setting, l1) | augmentation(setting, padding)
    except ValueError as error:
        raise UserError(f"recipe of {config.experiment}/{config.arm}: {error}") from None
    return setting, hooks


def follow(
    config: RunConfig, job: Job, setting: Setting, hooks: dict[str, Any], path: InclusionPath | None
) -> None:
    """Train to the end and leave the files."""
    if path is not None:
        hooks = hooks | {"begin_epoch": path.begin_epoch}
    unfinished = train(config, job, setting, Hooks(**hooks), path)
    measurements = top_five(setting)
    if path is not None:
        path.read()
        path.save_masks(job.out)
        measurements |= {inclusion.KEY: path.report().model_dump(mode="json")}
    leave(
        config,
        job,
        setting,
        history.selections(setting.trainee.rows, setting.trainee.test_correct),
        measurements=measurements,
    )
    unfinished.discard()
