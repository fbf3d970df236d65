"""Train a classifier by DessiLBI along its inclusion path, or by a rival of it (dessilbi2020)."""

from typing import Any

from partial_backprop.errors import UserError
from partial_backprop.experiments.dessilbi import baselines
from partial_backprop.experiments.dessilbi import results as inclusion
from partial_backprop.experiments.dessilbi.inclusion_path import InclusionPath
from partial_backprop.experiments.dessilbi.topk_accuracy import topk_accuracy
from partial_backprop.recipes.context import TrainingContext, build_context
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.pretrain import augmentation
from partial_backprop.recipes.run import save_run, train
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
    context, hooks = begin(config, job, optimizer, options, l1=l1, padding=padding)
    follow(config, job, context, hooks, InclusionPath(context) if optimizer == "dessilbi" else None)


def begin(
    config: RunConfig,
    job: Job,
    optimizer: str,
    options: dict[str, Any],
    *,
    l1: float,
    padding: int | None,
) -> tuple[TrainingContext, dict[str, Any]]:
    """Prepare a training."""
    context = build_context(config, job)
    try:
        baselines.put(context, optimizer, config.training.optimizer, options)
        hooks = baselines.penalty(context, l1) | augmentation(context, padding)
    except ValueError as error:
        raise UserError(f"recipe of {config.experiment}/{config.arm}: {error}") from None
    return context, hooks


def follow(
    config: RunConfig,
    job: Job,
    context: TrainingContext,
    hooks: dict[str, Any],
    path: InclusionPath | None,
) -> None:
    """Train to the end and leave the files."""
    if path is not None:
        hooks = hooks | {"begin_epoch": path.begin_epoch}
    run_checkpoint = train(config, job, context, Hooks(**hooks), path)
    measurements = topk_accuracy(context)
    if path is not None:
        path.read()
        path.save_masks(job.out)
        measurements |= {inclusion.KEY: path.report().model_dump(mode="json")}
    save_run(
        config,
        job,
        context,
        history.selections(context.train_state.rows, context.train_state.test_correct),
        measurements=measurements,
    )
    run_checkpoint.discard()
