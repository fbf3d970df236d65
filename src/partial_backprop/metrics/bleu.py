"""BLEU's counts over a corpus of tokenised captions, by sacrebleu.

sacrebleu and not nltk, since it returns the counts themselves. No tokeniser, no lower case and no
smoothing is applied: words come as the vocabulary has them, and an order of n-grams without a match
makes the score 0.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from partial_backprop.measurements.captions import BleuCounts

Words = Sequence[str]
"""One caption, word by word."""


def count(hypotheses: Sequence[Words], references: Sequence[Sequence[Words]]) -> "BleuCounts":
    """Count n-gram matches of hypotheses against all references of each."""
    # Source: Papineni et al. 2002, BLEU: a method for automatic evaluation of machine translation,
    # section 2; pb2020, section 4.2.
    from sacrebleu.metrics import BLEU

    from partial_backprop.measurements.captions import ORDERS, BleuCounts

    if not hypotheses or len(hypotheses) != len(references):
        raise ValueError(
            f"{len(hypotheses)} hypotheses need as many sets of references, at least one: "
            f"got {len(references)}"
        )
    most = max(map(len, references))
    if not all(references):
        raise ValueError("a hypothesis has no reference")
    # sacrebleu wants streams: the first reference of all hypotheses, the second of all, and so on.
    streams = [
        [_text(found[k]) if k < len(found) else None for found in references] for k in range(most)
    ]
    metric = BLEU(tokenize="none", smooth_method="none", max_ngram_order=ORDERS[-1], force=True)
    found = metric.corpus_score([_text(words) for words in hypotheses], streams)
    return BleuCounts(
        matches=tuple(found.counts),
        totals=tuple(found.totals),
        hypothesis_length=found.sys_len,
        reference_length=found.ref_len,
    )


def count_each(hypotheses: Sequence[Words], references: Sequence[Sequence[Words]]) -> "BleuCounts":
    """Count n-gram matches with each reference in its turn as the only one."""
    # So no reference is picked out, and the 5,000 test captions that pb2020 speaks of are all
    # used
    if len(hypotheses) != len(references):
        raise ValueError(f"{len(hypotheses)} hypotheses, but {len(references)} sets of references")
    pairs = [
        (words, [reference])
        for words, found in zip(hypotheses, references, strict=True)
        for reference in found
    ]
    return count([words for words, _ in pairs], [reference for _, reference in pairs])


def _text(words: Words) -> str:
    text = " ".join(words)
    if text.split() != list(words):
        raise ValueError(f"words must be neither empty nor have blanks in them: {list(words)}")
    return text
