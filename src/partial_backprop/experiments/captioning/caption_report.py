"""Captions of a trained decoder, compared with the true ones, and those that are shown."""

from collections.abc import Sequence
from typing import NamedTuple

from partial_backprop.captioning import plateau
from partial_backprop.captioning.batches import CaptionSplit
from partial_backprop.captioning.evaluate import (
    Decoded,
    TeacherForced,
    Words,
    decoded,
    teacher_forced,
)
from partial_backprop.captioning.history import bleu_of
from partial_backprop.captioning.vocabulary import Vocabulary
from partial_backprop.experiments.captioning.caption_context import CaptionContext
from partial_backprop.measurements.caption_examples import Example
from partial_backprop.measurements.captions import (
    Bleu,
    BleuCounts,
    CaptionReport,
    Epoch,
    SplitReport,
    four_of_different_lengths,
)
from partial_backprop.metrics import bleu
from partial_backprop.run_config import RunConfig


class Said(NamedTuple):
    """What a decoder said of a split, in three ways."""

    teacher: TeacherForced
    greedy: Decoded
    beam: Decoded


def report(config: RunConfig, context: CaptionContext) -> tuple[CaptionReport, Said]:
    """Caption validation and test images, and count what agrees with the true captions."""
    splits = context.splits
    validation, test = (_say(config, context, part) for part in (splits.validation, splits.test))
    counts = [bleu_of(row) for row in context.train_state.rows]
    found = CaptionReport(
        encoder=context.features.encoder,
        features=config.recipe["features"],
        n_features=context.features.n_channels,
        grid=context.features.grid,
        n_words=len(splits.vocabulary),
        n_train_captions=len(splits.train),
        beam=config.recipe["beam"],
        epochs=tuple(
            Epoch(learning_rate=row["learning_rate"], bleu=one)
            for row, one in zip(context.train_state.rows, counts, strict=True)
        ),
        best_epoch=plateau.best([one.score(4) for one in counts]),
        validation=_compare(splits.validation, validation, splits.vocabulary),
        test=_compare(splits.test, test, splits.vocabulary),
        shuffled=_of_the_next(splits.test, test.beam),
    )
    return found, test


def _say(config: RunConfig, context: CaptionContext, split: CaptionSplit) -> Said:
    model, vocabulary = context.train_state.model, context.splits.vocabulary
    max_words, width = config.recipe["max_words"], config.recipe["beam"]
    return Said(
        teacher=teacher_forced(model, split, vocabulary),
        greedy=decoded(model, split, vocabulary, max_words=max_words, width=1),
        beam=decoded(model, split, vocabulary, max_words=max_words, width=width),
    )


def _compare(split: CaptionSplit, said: Said, vocabulary: Vocabulary) -> SplitReport:
    return SplitReport(
        n_images=len(split.references),
        loss=said.teacher.loss,
        teacher=_forced(split, said.teacher.captions, split.references),
        greedy=_free(split, said.greedy),
        beam=_free(split, said.beam),
        teacher_marks=_forced(split, said.teacher.marked, _with_marks(split, vocabulary)),
    )


def _forced(
    split: CaptionSplit, said: Sequence[Words], references: Sequence[Sequence[Words]]
) -> Bleu:
    own = [[words] for captions in references for words in captions]
    all_five = [references[image] for image in split.images.tolist()]
    return Bleu(
        one=bleu.count(said, own),
        five=bleu.count(said, all_five),
        n_captions=len(said),
        n_distinct=len(set(said)),
    )


def _with_marks(split: CaptionSplit, vocabulary: Vocabulary) -> list[list[Words]]:
    """Return the true captions as the decoder is given them, without start, for each image."""
    found: list[list[Words]] = [[] for _ in split.references]
    rows = zip(split.images.tolist(), split.lengths.tolist(), split.words.tolist(), strict=True)
    for image, length, row in rows:
        found[image].append(tuple(vocabulary.words[number] for number in row[1:length]))
    return found


def _free(split: CaptionSplit, said: Decoded) -> Bleu:
    return Bleu(
        one=bleu.count_each(said.captions, split.references),
        five=bleu.count(said.captions, split.references),
        n_captions=len(said.captions),
        n_distinct=len(set(said.captions)),
    )


def _of_the_next(split: CaptionSplit, said: Decoded) -> BleuCounts:
    """Control: each caption against those of the next image, as if the decoder saw another one."""
    return bleu.count(said.captions, (*split.references[1:], split.references[0]))


def examples(context: CaptionContext, said: Decoded) -> list[Example]:
    """Choose the captions that are shown."""
    chosen = four_of_different_lengths([len(words) for words in said.captions])
    images = context.images[chosen]
    return [
        Example(
            index=index,
            image=image.transpose(1, 2, 0),
            words=said.captions[index],
            attention=said.attention[index].reshape(-1, *context.features.grid),
            truth=context.splits.test.references[index][0],
        )
        for index, image in zip(chosen, images, strict=True)
    ]
