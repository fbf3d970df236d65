"""Train a decoder: epochs, clipping, and a learning rate that follows the validation score."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from partial_backprop.captioning import plateau
from partial_backprop.captioning.batches import Batch, CaptionSplit
from partial_backprop.captioning.best import Best
from partial_backprop.captioning.decoder import Decoder, Predictions
from partial_backprop.captioning.evaluate import teacher_forced
from partial_backprop.captioning.history import bleu_of, columns
from partial_backprop.captioning.vocabulary import Vocabulary
from partial_backprop.metrics import bleu
from partial_backprop.run_config import TrainingConfig
from partial_backprop.training import optimizers
from partial_backprop.training.history import Row
from partial_backprop.training.loop import Hooks, TrainState, check_finite


@dataclass(frozen=True)
class Rules:
    """What a decoder's training has beyond epochs, batches and an optimizer."""

    penalty: float  # weight of the doubly stochastic term
    clip: float  # largest norm of all gradients together
    patience: int  # epochs in a row without a better validation BLEU-4 after which the rate decays
    decay: float  # factor on the learning rate
    stop_after: int  # epochs in a row without a better validation BLEU-4 after which training ends


@dataclass(frozen=True, eq=False)
class CaptionSplits:
    """The three splits and their words."""

    # train, validation, test: the splits
    train: CaptionSplit
    validation: CaptionSplit
    test: CaptionSplit
    vocabulary: Vocabulary  # the words of the training captions


def doubly_stochastic(looked: Tensor) -> Tensor:
    """Tell how unevenly a decoder looked at the locations of the images."""
    # Shapes: looked (B, L), result ()
    # *Departures.* Xu et al. sum over the locations; the mean, as in the public reference, makes
    # the weight of the term independent of the grid.
    # Source: Xu et al., "Show, attend and tell", ICML 2015, equation 14
    return (1 - looked).square().mean()


def losses(predictions: Predictions) -> tuple[Tensor, Tensor]:
    """Return the two terms of the loss."""
    # Shapes: cross_entropy (), penalty ()
    cross_entropy = F.cross_entropy(predictions.logits, predictions.targets)
    return cross_entropy, doubly_stochastic(predictions.looked)


def backward(decoder: Decoder, batch: Batch, penalty: float) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the gradients of a batch."""
    # Shapes: cross_entropy, term (), n_correct ()
    found = decoder(batch.features, batch.words, batch.lengths)
    cross_entropy, term = losses(found)
    (cross_entropy + penalty * term).backward()
    n_correct = (found.logits.detach().argmax(dim=1) == found.targets).sum()
    return cross_entropy.detach(), term.detach(), n_correct


def train_epoch(
    train_state: TrainState,
    split: CaptionSplit,
    config: TrainingConfig,
    rules: Rules,
    seed: int,
    epoch: int,
    hooks: Hooks,
) -> Row:
    """Train one epoch."""
    # Masks are made from the gradients as they are, and only then the active ones are clipped: the
    # thresholds of pb2020 are for gradients, and their norm is the active weights' own
    # *Departures.* The source says nothing of clipping. The public reference clips each gradient to
    # ±5, which would touch next to none; the norm of all together is what is clipped here.
    model, optimizer = train_state.model, train_state.optimizer
    model.train()
    hooks.begin_epoch(epoch)
    found: list[Tensor] = []
    weights: list[tuple[int, int]] = []
    for batch in split.epoch(config.batch_size, seed, epoch):
        optimizer.zero_grad(set_to_none=True)
        cross_entropy, term, n_correct = backward(model, batch, rules.penalty)
        hooks.after_backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), rules.clip)
        optimizer.step()
        hooks.after_step()
        found.append(torch.stack([cross_entropy, term, n_correct.float(), norm]))
        weights.append((int((batch.lengths - 1).sum()), len(batch.lengths)))
    # One transfer at the end of the epoch: looking at each loss would stall an accelerator.
    cross_entropies, terms, n_corrects, norms = torch.stack(found).cpu().double().unbind(dim=1)
    check_finite(cross_entropies + terms, epoch)
    n_words, n_captions = torch.tensor(weights).double().unbind(dim=1)
    return {
        "train_loss": float((cross_entropies * n_words).sum() / n_words.sum()),
        "train_penalty": float((terms * n_captions).sum() / n_captions.sum()),
        "train_n_correct": int(n_corrects.sum()),
        "train_n_examples": int(n_words.sum()),
        "n_clipped": int((norms > rules.clip).sum()),
    }


def fit(
    train_state: TrainState,
    splits: CaptionSplits,
    config: TrainingConfig,
    rules: Rules,
    seed: int,
    *,
    best: Best,
    hooks: Hooks,
    on_epoch: Callable[[Row, float], None],
) -> None:
    """Train to the last epoch or the early end, from the epoch that its state has reached."""
    # The score is BLEU-4 of the likeliest words, teacher-forced, against all captions of an image.
    # The source says "the validation BLEU-4 score" and not which; this is the public reference's.
    # Source: pb2020, section 4.2
    rows = train_state.rows
    while len(rows) < config.epochs:
        scores = [bleu_of(row).score(4) for row in rows]
        if plateau.is_over(scores, rules.stop_after):
            return
        started, epoch = time.monotonic(), len(rows)
        rate = config.learning_rate(epoch)
        rate *= rules.decay ** plateau.n_decays(scores, rules.patience)
        optimizers.set_learning_rate(train_state.optimizer, rate)
        row: Row = {"epoch": epoch, "learning_rate": rate}
        row |= train_epoch(train_state, splits.train, config, rules, seed, epoch, hooks)
        seconds = time.monotonic() - started
        validation = splits.validation
        found = teacher_forced(train_state.model, validation, splits.vocabulary)
        references = [validation.references[image] for image in validation.images.tolist()]
        row |= columns(found, bleu.count(found.captions, references))
        rows.append(row)
        best.keep(train_state.model, [*scores, bleu_of(row).score(4)])
        train_state.elapsed_s += time.monotonic() - started
        on_epoch(row, seconds)
