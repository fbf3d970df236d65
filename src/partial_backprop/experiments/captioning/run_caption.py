"""Train a decoder with attention that captions images, by full or partial backpropagation."""

import copy
import itertools
import json
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from partial_backprop.captioning.best import Best
from partial_backprop.captioning.decoder import Decoder
from partial_backprop.captioning.history import bleu_of
from partial_backprop.captioning.loop import Rules, backward, fit
from partial_backprop.errors import UserError
from partial_backprop.experiments.captioning.caption_context import (
    CaptionContext,
    build_context,
    trunk_state,
)
from partial_backprop.experiments.captioning.caption_report import examples, report
from partial_backprop.files import write_atomically
from partial_backprop.freezing.counts import report_unmasked
from partial_backprop.freezing.partial_backprop import PartialBackprop
from partial_backprop.freezing_report import FreezingReport
from partial_backprop.measurements import caption_examples, captions
from partial_backprop.measurements.movement import KEY as MOVEMENT
from partial_backprop.recipes import movement
from partial_backprop.recipes.freeze import hooks, partial_backprop
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.run import save_run
from partial_backprop.recipes.run_checkpoint import RunCheckpoint
from partial_backprop.run_config import TRUNK, RunConfig
from partial_backprop.training import checkpoint
from partial_backprop.training.history import Row
from partial_backprop.training.progress import Progress, duration


def run(
    config: RunConfig,
    job: Job,
    *,
    # The run that computed the features of the images, as ``experiment/arm``
    features: str = "caption_features/encoder",
    # embedding, hidden, attention: numbers for a word, hidden units of the LSTM, and units of the
    # attention
    embedding: int = 512,
    hidden: int = 512,
    attention: int = 512,
    # Share of the hidden units left out where words are predicted, in [0, 1)
    dropout: float = 0.5,
    # How often a word must occur in the training captions to be known
    min_count: int = 5,
    # Words after which captions are cut off in training, and must end in decoding
    max_words: int = 50,
    # Width of the beam
    beam: int = 3,
    # Weight of the doubly stochastic term, from 0 up
    alpha_weight: float = 1.0,
    # Largest norm of all gradients together, greater than 0
    clip: float = 5.0,
    # Epochs in a row without a better validation BLEU-4 after which the learning rate decays
    patience: int = 3,
    # Factor on the learning rate, in (0, 1]
    decay: float = 0.8,
    # Epochs in a row without a better validation BLEU-4 after which training ends
    stop_after: int = 10,
) -> None:
    """Train one arm or the warm-up checkpoint, caption images, and save the files."""
    # The warm-up leaves ``trunk.pt``; an arm leaves ``weights.pt``, those of the epoch with the best
    # validation BLEU-4; ``mask.pt``, ``vocabulary.json``, ``captions.json``, ``examples.npz``,
    # ``history.csv`` and, last, ``record.json``. Unmoved weights and drift are counted after the
    # last epoch, as for other networks.
    # *Departures.* Dropout, the minimum count, the longest caption, the weight of the doubly
    # stochastic term and clipping are not in the source: these are the public reference's
    # Source: pb2020, section 4.2
    # The workflow has turned the features into job.features; of config.recipe, which holds all options,
    # sizes are read where the decoder is built, and words and beam where it captions.
    del features, embedding, hidden, attention, dropout, min_count, max_words, beam
    _check(config, job)
    context = build_context(config, job)
    rules = Rules(alpha_weight, clip, patience, decay, stop_after)
    pb = partial_backprop(context.train_state, config)
    start, epoch = copy.deepcopy(context.train_state.model), len(context.train_state.rows)
    run_checkpoint = _train(config, job, context, rules, pb)
    if config.arm == TRUNK:
        checkpoint.save(trunk_state(context), job.out / "trunk.pt")
        run_checkpoint.discard()
        return
    model = context.train_state.model
    if pb:
        freezing, measurements = pb.report(), {}
    else:
        freezing, measurements = _full_backprop(config, job, context, start, epoch)
    checkpoint.save(dict(pb.mask) if pb and pb.mask else {}, job.out / "mask.pt")
    context.best.put_back(model)
    with context.train_state.timed():
        found, test = report(config, context)
    vocabulary = context.splits.vocabulary
    write_atomically(job.out / "vocabulary.json", vocabulary.to_json().encode())
    said = {"greedy": test.greedy.captions, "beam": test.beam.captions}
    write_atomically(job.out / "captions.json", (json.dumps(said) + "\n").encode())
    caption_examples.save(examples(context, test.beam), job.out / caption_examples.NAME)
    measurements |= {captions.KEY: found.model_dump(mode="json")}
    save_run(config, job, context, (), freezing=freezing, measurements=measurements)
    run_checkpoint.discard()


def _check(config: RunConfig, job: Job) -> None:
    where = f"recipe of {config.experiment}/{config.arm}"
    if job.features is None:
        raise UserError(
            f"{where}: it needs an encoder's features: give them with --features FOLDER"
        )
    options = config.recipe
    least = dict.fromkeys(
        ("embedding", "hidden", "attention", "min_count", "max_words", "beam", "patience"), 1
    )
    for name, smallest in (least | {"stop_after": 1, "alpha_weight": 0}).items():
        if options[name] < smallest:
            raise UserError(f"{where}: {name} must be at least {smallest}, got {options[name]}")
    if not 0 <= options["dropout"] < 1:
        raise UserError(f"{where}: dropout must lie in [0, 1), got {options['dropout']}")
    if not 0 < options["decay"] <= 1:
        raise UserError(f"{where}: decay must lie in (0, 1], got {options['decay']}")
    if options["clip"] <= 0:
        raise UserError(f"{where}: clip must be greater than 0, got {options['clip']}")


def _full_backprop(
    config: RunConfig, job: Job, context: CaptionContext, start: Decoder, epoch: int
) -> tuple[FreezingReport, dict[str, Any]]:
    """Count for FB what is counted for PB, and measure how far weights went since the warm-up epochs."""
    before, after = (
        {name: value.detach() for name, value in model.named_parameters()}
        for model in (start, context.train_state.model)
    )
    freezing = report_unmasked(
        context.train_state.model, before, next(_gradients(config, context, start, epoch))
    )
    report, content = movement.measure(
        before,
        after,
        itertools.islice(_gradients(config, context, start, epoch), movement.N_BATCHES),
        epoch=epoch,
        batch_size=config.training.batch_size,
    )
    write_atomically(job.out / report.file, content)
    return freezing, {MOVEMENT: report.model_dump(mode="json")}


def _gradients(
    config: RunConfig, context: CaptionContext, model: Decoder, epoch: int
) -> Iterator[dict[str, Tensor]]:
    """Gradients on the batches of an epoch, of which the first makes the mask; nothing is updated."""
    model.train()
    for batch in context.splits.train.epoch(config.training.batch_size, config.seed, epoch):
        model.zero_grad(set_to_none=True)
        with torch.enable_grad():
            backward(model, batch, config.recipe["alpha_weight"])
        yield {name: one.grad for name, one in model.named_parameters()}


class _Remembered:
    """The best epoch's weights, and what was frozen."""

    def __init__(self, best: Best, pb: PartialBackprop | None) -> None:
        self._parts = {"best": best, "freezing": pb}

    def state_dict(self) -> dict[str, Any]:
        return {name: one.state_dict() if one else {} for name, one in self._parts.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, one in self._parts.items():
            if one is not None:
                one.load_state_dict(state[name])


def _train(
    config: RunConfig,
    job: Job,
    context: CaptionContext,
    rules: Rules,
    pb: PartialBackprop | None,
) -> RunCheckpoint:
    name = f"{config.experiment}/{config.arm}/seed{config.seed}"
    n_captions, n_epochs = len(context.splits.train), config.training.epochs
    with Progress(name, n_epochs, job.log) as progress:
        run_checkpoint = RunCheckpoint(config, job, context, _Remembered(context.best, pb))
        run_checkpoint.resume(progress.say)

        def on_epoch(row: Row, seconds: float) -> None:
            epoch = int(row["epoch"])
            left = context.train_state.elapsed_s / (epoch + 1) * (n_epochs - epoch - 1)
            progress.say(
                f"epoch {epoch + 1:>3}/{n_epochs}  loss {row['train_loss']:.4f}  "
                f"validation {row['validation_loss']:.4f}, "
                f"BLEU-4 {bleu_of(row).score(4):.3f} (teacher-forced)  "
                f"{n_captions / seconds:5.0f} captions/s  at most {duration(left)} left",
                always=epoch + 1 == n_epochs,
            )
            run_checkpoint.save_when_due()

        try:
            fit(
                context.train_state,
                context.splits,
                config.training,
                rules,
                config.seed,
                best=context.best,
                hooks=hooks(pb),
                on_epoch=on_epoch,
            )
        except UserError as error:
            run_checkpoint.save()
            raise UserError(f"{name}: {error}") from None
    return run_checkpoint
