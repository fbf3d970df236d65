"""Train by DessiLBI and keep masks of early epochs for another training (dessilbi2020, Figure 5)."""

from partial_backprop.errors import UserError
from partial_backprop.experiments.dessilbi.inclusion_path import InclusionPath
from partial_backprop.experiments.dessilbi.run_inclusion import begin, follow
from partial_backprop.recipes.job import Job
from partial_backprop.run_config import RunConfig


def run(
    config: RunConfig,
    job: Job,
    *,
    # Numbers of epochs, from 1, after which the support of Γ is kept as a mask
    after: tuple[int, ...],
    # kappa, nu: what DessiLBI calls κ and ν, greater than 0
    kappa: float = 1.0,
    nu: float = 100.0,
    # What it calls λ, from 0 up
    lam: float = 1.0,
    # What a group of a linear layer is
    linear_groups: str = "elements",
    # Whether the length of a group g of V is ‖V_g‖/√|g|
    scaled_norm: bool = False,
    # What λ is for linear layers, where it is not that of the others
    linear_lam: float | None = None,
    # Whether the momentum is Nesterov's
    nesterov: bool = False,
    # Whether the weights of batch normalisation decay too
    decay_norms: bool = False,
    # Largest shift of the random crops, in pixels; None trains on the images as they are
    padding: int | None = None,
) -> None:
    """Train as the recipe ``inclusion`` does, and leave ``path.pt`` as well."""
    # ``path.pt`` holds ``initial``, the weights before the first step, and ``masks``: from the
    # number of epochs, as text, to a mask for each weight
    # Source: dessilbi2020, Table 10; for the four options from `scaled_norm` on: its authors'
    # public code, ``example/lottery``, which sets them to True, 1, True and True (METHODS E)
    if not after or not 1 <= min(after) <= max(after) <= config.training.epochs:
        raise UserError(
            f"recipe of {config.experiment}/{config.arm}: after must name epochs from 1 to "
            f"{config.training.epochs}, got {list(after)}"
        )
    options = {"kappa": kappa, "nu": nu, "lam": lam, "linear_groups": linear_groups}
    options |= {"scaled_norm": scaled_norm, "nesterov": nesterov}
    options |= {"linear_lam": linear_lam, "decay_norms": decay_norms}
    context, hooks = begin(config, job, "dessilbi", options, l1=0.0, padding=padding)
    follow(config, job, context, hooks, InclusionPath(context, tuple(after)))
