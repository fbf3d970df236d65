"""Train a network again from the initial weights of a path, under a mask of it (dessilbi2020, Figure 5)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from partial_backprop.errors import UserError
from partial_backprop.experiments.dessilbi import results as inclusion
from partial_backprop.experiments.dessilbi.inclusion_path import n_kept
from partial_backprop.recipes.context import build_context
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.pretrain import augmentation
from partial_backprop.recipes.run import save_run, train
from partial_backprop.run_config import RunConfig
from partial_backprop.training import checkpoint, history
from partial_backprop.training.loop import Hooks
from partial_backprop.training.seeding import derive

MASKS = ("none", "support", "random")


def run(
    config: RunConfig,
    job: Job,
    *,
    # The run of ``inclusion`` whose path that is, as ``experiment/arm``; of the same seed
    start: str,
    # The whole network; the support of Γ; as many groups of each layer, drawn at random
    mask: str = "support",
    # Number of epochs of the path after which its support is the mask; None for ``none``
    after: int | None = None,
    # Names of weights that no mask touches. Single weights enter a path later than filters, so an
    # early mask may leave nothing of the output layer
    whole: tuple[str, ...] = (),
    # Largest shift of the random crops, in pixels; None trains on the images as they are
    padding: int | None = None,
) -> None:
    """Train under a mask that stays, or under none."""
    # Masked weights are zero from the first step on: so are their gradients, moments and decay.
    # Biases and normalisations are not masked, so a masked filter still gives its channel a
    # constant.
    # Source: dessilbi2020, Table 10 and METHODS E; Frankle and Carbin, "The lottery ticket
    # hypothesis", ICLR 2019
    where = f"recipe of {config.experiment}/{config.arm}"
    if mask not in MASKS:
        raise UserError(f"{where}: mask must be one of {', '.join(MASKS)}, got {mask!r}")
    if (mask == "none") != (after is None):
        raise UserError(f"{where}: after tells the epochs of support and random, and of these only")
    if job.start is None:
        raise UserError(f"{where}: it starts from a path: give its path.pt with --start FILE")
    context = build_context(config, job)
    model = context.train_state.model
    path = checkpoint.load(job.start, job.device)
    try:
        model.load_state_dict(path["initial"])
        masks = _masks(path["masks"], after, start, whole)
    except ValueError as error:
        raise UserError(f"{where}: {error}") from None
    except (KeyError, RuntimeError, TypeError, AttributeError):
        raise UserError(f"{where}: {job.start} is no path of this network") from None
    if mask == "random":
        masks = {
            name: _shuffled(one, derive(config.seed, "random mask", name))
            for name, one in masks.items()
        }
    held = _Held(model, masks)
    hooks = Hooks(after_backward=held.after_backward, **augmentation(context, padding))
    run_checkpoint = train(config, job, context, hooks)
    report = inclusion.TicketReport(
        path=start, mask=mask, n_epochs_of_path=after, layers=_counts(model, masks)
    )
    measurements = {inclusion.TICKET: report.model_dump(mode="json")}
    rows = context.train_state.rows
    save_run(
        config,
        job,
        context,
        history.selections(rows, context.train_state.test_correct),
        measurements=measurements,
    )
    run_checkpoint.discard()


def _masks(
    available: Mapping[str, Mapping[str, Tensor]],
    after: int | None,
    start: str,
    whole: tuple[str, ...],
) -> dict[str, Tensor]:
    if after is None:
        return {}
    if str(after) not in available:
        raise ValueError(
            f"the path has no mask after {after} epochs, but after: {', '.join(available)}; "
            f"add {after} to after of {start}"
        )
    masks = dict(available[str(after)])
    for name in whole:
        if masks.pop(name, None) is None:
            raise ValueError(f"whole names {name!r}, but the path has {', '.join(masks)}")
    return masks


def _counts(model: nn.Module, masks: Mapping[str, Tensor]) -> tuple[inclusion.Masked, ...]:
    return tuple(
        inclusion.Masked(
            name=name,
            n_weights=weight.numel(),
            n_kept=n_kept(masks[name], weight) if name in masks else weight.numel(),
        )
        for name, weight in model.named_parameters()
        if weight.ndim > 1
    )


class _Held:
    """Keeps masked weights at zero by keeping them from any gradient."""

    def __init__(self, model: nn.Module, masks: Mapping[str, Tensor]) -> None:
        named = dict(model.named_parameters())
        self._masked = [(named[name], one) for name, one in masks.items()]
        with torch.no_grad():
            for weight, one in self._masked:
                weight.masked_fill_(~one, 0)

    def after_backward(self) -> None:
        for weight, one in self._masked:
            weight.grad.masked_fill_(~one, 0)


def _shuffled(mask: Tensor, seed: int) -> Tensor:
    """Keep as many groups, drawn at random on the CPU so that every device gets the same."""
    order = torch.randperm(mask.numel(), generator=torch.Generator().manual_seed(seed))
    return mask.flatten()[order.to(mask.device)].view(mask.shape)
