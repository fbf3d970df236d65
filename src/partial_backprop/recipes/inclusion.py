"""Train a classifier by DessiLBI along its inclusion path, or by a rival of it (seed 004)."""

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
    optimizer: str = "dessilbi",
    kappa: float = 1.0,
    nu: float = 100.0,
    lam: float = 1.0,
    linear_groups: str = "elements",
    l1: float = 0.0,
    padding: int | None = None,
) -> None:
    """Train, and by DessiLBI read the support of Γ after every epoch.

    Parameters
    ----------
    config : RunConfig
        The run's configuration.
    job : Job
        Where its inputs and outputs are.
    optimizer : {"dessilbi", "sgd", "nesterov", "adam", "amsgrad", "adabound", "adagrad", "radam"}
        Takes the place of ``training.optimizer``, with its learning rate, momentum and weight decay:
        ``dessilbi`` and ``nesterov`` that of ``sgd``, ``adabound``, ``adagrad`` and ``radam`` that of
        ``adam``; the others are what stands there.
    kappa, nu : float
        What DessiLBI calls κ and ν, greater than 0.
    lam : float
        What it calls λ, from 0 up.
    linear_groups : {"elements", "rows"}
        What a group of a linear layer is.
    l1 : float
        Weight, from 0 up, of the penalty ‖W‖₁ on the weights of convolutions and linear layers.
    padding : int, optional
        Largest shift of the random crops, in pixels; None trains on the images as they are.

    Raises
    ------
    UserError
        If an option makes no sense, or the loss is no finite number.

    References
    ----------
    Seed 004, Tables 1 to 5 and 7 to 9; METHODS E.
    """
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
    """Prepare a training.

    Parameters
    ----------
    config : RunConfig
        The run's configuration.
    job : Job
        Where its inputs are.
    optimizer : str
        As of `run`.
    options : dict
        What `DessiLBI` takes besides learning rate, momentum and weight decay.
    l1 : float
        As of `run`.
    padding : int or None
        As of `run`.

    Returns
    -------
    setting : Setting
        Data, network and optimizer.
    hooks : dict
        Arguments for `training.loop.Hooks`.

    Raises
    ------
    UserError
        If an option makes no sense.
    """
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
    """Train to the end and leave the files.

    Parameters
    ----------
    config : RunConfig
        The run's configuration.
    job : Job
        Where its outputs go.
    setting : Setting
        Data, network and optimizer.
    hooks : dict
        Arguments for `training.loop.Hooks`.
    path : InclusionPath or None
        Reads the path, where there is one.

    Raises
    ------
    UserError
        If the loss is no finite number.
    """
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
