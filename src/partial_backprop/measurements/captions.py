"""What a run that captions images puts into its record's ``measurements``.

Counts and never ratios: who reads them divides (see `record`). Its pictures for people are in
`caption_examples`.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import pydantic

from partial_backprop.record import Record
from partial_backprop.run_config import Frozen

KEY = "captions"
"""Key of a `CaptionReport` in `record.Record.measurements`."""

EXPERIMENT = "captioning"
AS_IN_SOURCE = "captioning_15"
"""The same with the source's number of epochs; it is shown in the other's place where it ran."""
"""The experiment whose records have such a report."""

SEED = "001"
"""Document that prints the scores beside which ours are shown."""

ORDERS = (1, 2, 3, 4)
"""Orders n of BLEU-n."""

Decoding = Literal["teacher", "greedy", "beam", "teacher_marks"]
"""How a caption is made: each word given the true ones before it, so that its length is the true
caption's; the likeliest word after another; the likeliest caption that a beam finds; as the first, but
counted as the public reference does."""

_Natural = Annotated[int, pydantic.Field(ge=0)]


class BleuCounts(Frozen):
    """Counts over a corpus, from which BLEU-1 to BLEU-4 follow."""

    matches: tuple[_Natural, _Natural, _Natural, _Natural]
    """n-grams of the hypotheses that are in a reference, clipped, for n = 1 to 4."""
    totals: tuple[_Natural, _Natural, _Natural, _Natural]
    """All n-grams of the hypotheses."""
    hypothesis_length: _Natural
    """Words of all hypotheses."""
    reference_length: _Natural
    """Words of the references closest in length, one for each hypothesis."""

    @pydantic.model_validator(mode="after")
    def _within(self) -> "BleuCounts":
        if any(match > total for match, total in zip(self.matches, self.totals, strict=True)):
            raise ValueError(f"more matches {self.matches} than n-grams {self.totals}")
        return self

    def score(self, n: int) -> float:
        """Return BLEU-n, without smoothing."""
        # Papineni et al. 2002, section 2.3.
        if n not in ORDERS:
            raise ValueError(f"no BLEU-{n}: n is 1 to {ORDERS[-1]}")
        if not all(self.matches[:n]):
            return 0.0
        pairs = zip(self.matches[:n], self.totals[:n], strict=True)
        log_precision = sum(math.log(match / total) for match, total in pairs) / n
        return math.exp(
            log_precision + min(0.0, 1 - self.reference_length / self.hypothesis_length)
        )


class Bleu(Frozen):
    """Captions of one decoding, compared with the true ones."""

    one: BleuCounts
    """Each true caption in its turn is the only reference of its image's caption; where words are
    given, that whose words were given."""
    five: BleuCounts
    """Against all true captions of the image at once."""
    n_captions: int = pydantic.Field(ge=1)
    """Captions that were made: one for each image, or, where words are given, for each true one."""
    n_distinct: int = pydantic.Field(ge=1)
    """How many of them differ."""


class SplitReport(Frozen):
    """Captions of one split, by the weights of the best epoch."""

    n_images: int = pydantic.Field(ge=1)
    loss: float
    """Teacher-forced: mean cross-entropy per word, end included, in nats, without the doubly
    stochastic term."""
    teacher: Bleu
    greedy: Bleu
    beam: Bleu
    teacher_marks: Bleu | None = None
    """Teacher-forced too, as the public reference counts: the end mark is a word of hypotheses and
    references, and unknown words are one word that matches itself. None in records of before."""

    def of(self, decoding: Decoding) -> Bleu | None:
        """Return the counts of a way of decoding."""
        return getattr(self, decoding)


class Epoch(Frozen):
    """What an epoch came to on the validation part, teacher-forced."""

    learning_rate: float = pydantic.Field(gt=0)
    """Of this epoch."""
    bleu: BleuCounts
    """Against all true captions: its BLEU-4 chooses the epoch and anneals the learning rate."""


class CaptionReport(Frozen):
    """Result of training a decoder that captions images."""

    encoder: str
    """Module of the network whose features the decoder looks at."""
    features: str
    """Run that computed them, as ``experiment/arm``."""
    n_features: int = pydantic.Field(ge=1)
    """Numbers at each location."""
    grid: tuple[int, int]
    """Rows and columns of locations."""
    n_words: int = pydantic.Field(ge=5)
    """Words that the decoder knows, pad, start, end and unknown included."""
    n_train_captions: int = pydantic.Field(ge=1)
    beam: int = pydantic.Field(ge=1)
    """Width of the beam."""
    epochs: tuple[Epoch, ...] = pydantic.Field(min_length=1)
    """All that ran, from epoch 0; early stopping may have ended them."""
    best_epoch: int = pydantic.Field(ge=0)
    """Epoch, from 0, of highest validation BLEU-4, the first of equals: its weights are reported."""
    validation: SplitReport
    test: SplitReport
    shuffled: BleuCounts
    """Control: the beam's caption of each test image against all true ones of the next image
    (after the last, the first). As good as captions get that ignore the image."""

    @pydantic.model_validator(mode="after")
    def _best_ran(self) -> "CaptionReport":
        if self.best_epoch >= len(self.epochs):
            raise ValueError(f"best_epoch ({self.best_epoch}) is none of {len(self.epochs)} epochs")
        return self


def of(record: Record) -> CaptionReport:
    """Read the report out of a record."""
    return record.measured(KEY, CaptionReport, "captions")


def four_of_different_lengths(lengths: Sequence[int]) -> list[int]:
    """Choose the captions that are shown, by a rule that looks at nothing but their lengths."""
    # Of the n captions in the order of length, and of the images where lengths are equal, those at
    # the ranks 0, ⌊n/3⌋, ⌊2n/3⌋ and n − 1; where a length was taken already, the next rank that has
    # another one, beginning again after the last.
    n = len(lengths)
    order = sorted(range(n), key=lambda index: (lengths[index], index))
    chosen: dict[int, int] = {}
    for rank in (0, n // 3, 2 * n // 3, n - 1):
        for index in order[rank:] + order[:rank]:
            if lengths[index] not in chosen:
                chosen[lengths[index]] = index
                break
    return [chosen[length] for length in sorted(chosen)]
