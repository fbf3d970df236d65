"""Rows of trained networks: selected epochs, settings, captions, and what masks and tickets tell."""

from collections.abc import Iterator

import numpy as np

from partial_backprop.inputs import Run
from partial_backprop.measurements import captions, compression, inclusion, mask_stability, movement
from partial_backprop.record import Count
from partial_backprop.report.rows import STAGES, Row, emit, frozen_counts, percent, score


def classified(run: Run) -> Iterator[Row]:
    """Runs with selections; those of Labs 2 and 3 have settings and are elsewhere."""
    if compression.KEY in run.record.measurements:
        return
    frozen = frozen_counts(run)
    for chosen in run.record.selections:
        stage = STAGES.get(chosen.rule, chosen.rule)
        scored = score("test", chosen.test) | {"epoch": chosen.epoch}
        yield from emit(run, scored, chosen.test.n_examples, stage=stage)
        yield from emit(run, frozen, frozen.get("n_weights", np.nan), stage=stage)


def losses(run: Run) -> Iterator[Row]:
    """Test loss of each selected epoch, where the history is there."""
    if not (run.record.selections and run.path.with_name("history.csv").exists()):
        return
    losses = run.history().set_index("epoch")["test_loss"]
    for chosen in run.record.selections:
        stage = STAGES.get(chosen.rule, chosen.rule)
        yield from emit(
            run, {"test_loss": losses[chosen.epoch]}, chosen.test.n_examples, stage=stage
        )


def settings(run: Run) -> Iterator[Row]:
    """What a run was set to, as metrics ``setting.…``."""
    record, training = run.record, run.record.config.training
    values: dict[str, float | None] = {}
    if training is not None:
        values |= {"epochs": training.epochs, "batch_size": training.batch_size}
        values |= {"learning_rate": training.optimizer.learning_rate}
        values |= {"warmup_epochs": training.shared_epochs}
    if record.data is not None:
        values["image_side"] = record.data.image_shape[1]
    if record.network is not None:
        values["full_size"] = record.network.full_size
    for name in ("beam", "n_train_captions"):
        values[name] = record.measurements.get(captions.KEY, {}).get(name)
    for name in ("kappa", "nu", "strength"):
        value = record.config.recipe.get(name)
        values[name] = value if isinstance(value, int | float) else None
    yield from emit(run, {f"setting.{name}": value for name, value in values.items()})


def captioned(run: Run) -> Iterator[Row]:
    """Scores of captions by decoding and references, and what was frozen."""
    if captions.KEY not in run.record.measurements:
        return
    report = captions.of(run.record)
    found = {
        (decoding, kind): (getattr(bleu, kind), bleu.n_captions)
        for decoding in ("teacher", "greedy", "beam", "teacher_marks")
        if (bleu := report.test.of(decoding)) is not None
        for kind in ("five", "one")
    }
    found["beam", "shuffled"] = report.shuffled, np.nan
    for (decoding, kind), (counts, n) in found.items():
        values: dict[str, float] = {f"bleu_{n}": counts.score(n) for n in captions.ORDERS}
        for what in ("matches", "totals"):
            numbers = getattr(counts, what)
            values |= {f"{what}_{n}": numbers[n - 1] for n in captions.ORDERS}
        values["hypothesis_length"] = counts.hypothesis_length
        values["reference_length"] = counts.reference_length
        yield from emit(run, values, n, decoding=decoding, references=kind)
    frozen = frozen_counts(run)
    freezing = run.record.freezing
    if freezing is None:
        return
    # A threshold freezes every zero gradient too; a random mask does not.
    if freezing.threshold is not None:
        masked = frozen["n_mask_zeros"] - frozen["n_natural_zeros"]
        frozen["masked_not_natural_percent"] = 100 * masked / frozen["n_weights"]
    embedding = sum(
        layer.n_natural_zeros for layer in freezing.layers if layer.name.startswith("embedding")
    )
    frozen["embedding_percent"] = percent(embedding, frozen["n_natural_zeros"])
    yield from emit(run, frozen, frozen["n_weights"])


def masks(run: Run) -> Iterator[Row]:
    """How masks of other batches agree with a run's own, and whether large gradients go with long ways."""
    moved = movement.of(run.record)
    if moved is not None and moved.batches:
        yield from emit(run, {"movement_rank_correlation": moved.batches[0].rank_correlation})
    masks = mask_stability.of(run.record)
    if masks is None:
        return
    for size in sorted({mask.batch_size for mask in masks.others}):
        others = [mask for mask in masks.others if mask.batch_size == size]
        yield from emit(run, _agreement(masks, size), len(others), batch_size=size)
        if size == masks.own.batch_size:
            overlap = 100 * np.mean([_overlap(masks, mask) for mask in others])
            yield from emit(run, {"mask_overlap_percent": overlap})


def _overlap(masks: mask_stability.MaskStability, mask: mask_stability.BatchMask) -> float:
    n, own = masks.n_weights, masks.own.n_frozen
    return mask_stability.jaccard(n, own, mask.n_frozen, mask.n_frozen_in_first)[0]


def _agreement(masks: mask_stability.MaskStability, size: int) -> dict[str, float]:
    n, own = masks.n_weights, masks.own.n_frozen
    others = [mask for mask in masks.others if mask.batch_size == size]
    frozen = {mask.start: mask.n_frozen for mask in others}
    pairs = [
        mask_stability.jaccard(n, frozen[pair.first], frozen[pair.second], pair.n_frozen_in_both)[0]
        for pair in masks.pairs
        if pair.batch_size == size
    ]
    return {
        "n_masks": len(others),
        "masks_frozen_percent": 100 * np.mean([mask.n_frozen / n for mask in others]),
        "masks_zeros_percent": 100 * np.mean([mask.n_zero_gradients / n for mask in others]),
        "masks_zeros_under_own_percent": 100 * np.mean([m.n_zero_under_first / n for m in others]),
        "overlap_own": np.mean([_overlap(masks, mask) for mask in others]),
        "overlap_chance": np.mean(
            [
                mask_stability.jaccard(n, own, mask.n_frozen, own * mask.n_frozen / n)[0]
                for mask in others
            ]
        ),
        "overlap_pairs": np.mean(pairs) if pairs else np.nan,
    }


def top_five(run: Run) -> Iterator[Row]:
    """Accuracy among five guesses, where there are many classes."""
    if inclusion.TOP_FIVE in run.record.measurements:
        count = Count.model_validate(run.record.measurements[inclusion.TOP_FIVE])
        yield from emit(run, score("top_five", count), count.n_examples, stage="last")


def tickets(run: Run) -> Iterator[Row]:
    """What a mask leaves, and after how many epochs of its path it was taken."""
    if inclusion.TICKET not in run.record.measurements:
        return
    report = inclusion.ticket_of(run.record)
    yield from emit(
        run, {"kept_percent": 100 * report.density(), "path_epochs": report.n_epochs_of_path}
    )
