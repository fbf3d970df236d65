"""Words and their numbers.

M: captions, T: the longest caption's words, start and end included.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

PAD, START, END, UNKNOWN = range(4)
"""Numbers of the marks that are no words."""

MARKS = ("<pad>", "<start>", "<end>", "<unk>")
"""How they are written."""


def tokenize(caption: str) -> tuple[str, ...]:
    """Split a caption into words."""
    return tuple(re.findall(r"[^\W_]+", caption.lower()))


@dataclass(frozen=True)
class Vocabulary:
    """The words that a decoder knows."""

    words: tuple[str, ...]  # word of each number: `MARKS`, and then the words

    def __post_init__(self) -> None:
        """Check the words."""
        if self.words[: len(MARKS)] != MARKS:
            raise ValueError(f"a vocabulary begins with {', '.join(MARKS)}")
        if len(set(self.words)) != len(self.words):
            raise ValueError("a vocabulary has every word once")

    @classmethod
    def of(cls, captions: Iterable[str], min_count: int) -> "Vocabulary":
        """Gather the words that captions have often enough."""
        counts = Counter(word for caption in captions for word in tokenize(caption))
        kept = [word for word, count in counts.items() if count >= min_count]
        if not kept:
            raise ValueError(f"no word occurs {min_count} times in the training captions")
        return cls((*MARKS, *sorted(kept, key=lambda word: (-counts[word], word))))

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def _number(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    def encode(
        self, captions: Sequence[Sequence[str]], max_words: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Turn words into numbers."""
        # Shapes: numbers (M, max_words + 2), lengths (M,)
        numbers = np.full((len(captions), max_words + 2), PAD, dtype=np.int64)
        lengths = np.empty(len(captions), dtype=np.int64)
        for row, words in enumerate(captions):
            known = [self._number.get(word, UNKNOWN) for word in words[:max_words]]
            lengths[row] = len(known) + 2
            numbers[row, : lengths[row]] = START, *known, END
        return numbers, lengths

    def decode(self, numbers: Iterable[int]) -> tuple[str, ...]:
        """Turn numbers into words."""
        words = []
        for number in numbers:
            if number == END:
                break
            if number not in (PAD, START):
                words.append(self.words[number])
        return tuple(words)

    def to_json(self) -> str:
        """Write the words down."""
        return json.dumps(list(self.words), ensure_ascii=False, indent=0) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Vocabulary":
        """Read what `to_json` wrote."""
        words = json.loads(text)
        if not (isinstance(words, list) and all(isinstance(word, str) for word in words)):
            raise ValueError("a vocabulary is a list of words")
        return cls(tuple(words))
