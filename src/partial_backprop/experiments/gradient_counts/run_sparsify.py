"""Train with a share of the gradients set to zero in every step (gradient_notes)."""

from dataclasses import dataclass

from partial_backprop.errors import UserError
from partial_backprop.experiments.gradient_counts import results as gradient_counts
from partial_backprop.experiments.gradient_counts.results import GradientCounts, WeightCounts
from partial_backprop.recipes.context import build_context
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.pretrain import augmentation
from partial_backprop.recipes.run import save_run, train
from partial_backprop.run_config import RunConfig
from partial_backprop.sparsification.layers import eligible
from partial_backprop.sparsification.selection import n_to_zero
from partial_backprop.sparsification.sparsifier import Sparsifier
from partial_backprop.summary.keras import summarize
from partial_backprop.summary.layers import Summary
from partial_backprop.training import history
from partial_backprop.training.loop import Hooks
from partial_backprop.training.seeding import derive


@dataclass(frozen=True)
class Asked:
    """What was asked for."""

    method: str  # how gradients are chosen
    share: float  # share of all entries
    n: int  # that share in entries


def run(
    config: RunConfig,
    job: Job,
    *,
    # Zero nothing; the smallest gradients of each step; or as many at random in each step
    method: str = "threshold",
    # Share of the entries of all weights that is zeroed in each step; all of them lie in the
    # weights that may be zeroed. The seed has 0.4
    share: float = 0.4,
    # Whether the first kernel is kept whole (see `partial_backprop.sparsification.layers`)
    spare_first: bool = True,
    # Largest shift of the random crops, in pixels; None trains on the images as they are
    padding: int | None = 3,
) -> None:
    """Leave trained weights, and the record of which gradients were zeroed on the way."""
    # The share is of the entries of all weights, running statistics included, as in the seed,
    # though these have no gradient. Draws of the random method come from a generator of its own, so
    # that order, augmentation and dropout are the same in all methods.
    # Source: gradient_notes, "thresholding_spars" and "sparsification only acc"
    context = build_context(config, job)
    model = context.train_state.model
    found = summarize(model, context.data.image_shape)
    try:
        weights = eligible(model, spare_first=spare_first)
        n_eligible = sum(weight.numel() for weight in weights.values())
        asked = Asked(method, share, n_to_zero(found.n_total, n_eligible, share))
        sparsifier = Sparsifier(weights, asked.n, method)
    except ValueError as error:
        raise UserError(f"recipe of {config.experiment}/{config.arm}: {error}") from None
    hooks = Hooks(
        begin_epoch=lambda epoch: sparsifier.begin_epoch(derive(config.seed, "sparsify", epoch)),
        after_backward=sparsifier.after_backward,
        **augmentation(context, padding),
    )
    run_checkpoint = train(config, job, context, hooks, sparsifier)
    save_run(
        config,
        job,
        context,
        history.selections(context.train_state.rows, context.train_state.test_correct),
        measurements={
            gradient_counts.KEY: _report(asked, found, sparsifier).model_dump(mode="json")
        },
    )
    run_checkpoint.discard()


def _report(asked: Asked, found: Summary, sparsifier: Sparsifier) -> GradientCounts:
    tallies = sparsifier.tallies()
    layer = {weight.index: one.name for one in found.layers for weight in one.weights}
    weights = tuple(
        WeightCounts(
            index=weight.index,
            layer=layer[weight.index],
            role=weight.role,
            name=weight.name,
            n_entries=weight.n_entries,
            trainable=weight.trainable,
            eligible=weight.name in tallies,
            **(tallies[weight.name]._asdict() if weight.name in tallies else {}),
        )
        for weight in found.weights()
    )
    return GradientCounts(
        method=asked.method,
        share=asked.share,
        n_asked=asked.n,
        n_steps=sparsifier.n_steps,
        thresholds=sparsifier.thresholds(),
        weights=weights,
    )
