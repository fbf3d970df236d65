"""When to slow down and when to stop, from the scores of the epochs so far."""

from collections.abc import Sequence


def best(scores: Sequence[float]) -> int:
    """Find the best epoch."""
    return max(range(len(scores)), key=lambda epoch: scores[epoch])


def since_best(scores: Sequence[float]) -> int:
    """Count the last epochs without a new best score."""
    return len(scores) - 1 - best(scores) if scores else 0


def n_decays(scores: Sequence[float], patience: int) -> int:
    """Count how often the learning rate has been lowered."""
    # Source: pb2020, section 4.2: "anneal the learning rate by a factor of 0.8 once the BLEU-4
    # score shows no improvement for 3 consecutive epochs"
    waits = [since_best(scores[:n]) for n in range(1, len(scores) + 1)]
    return sum(wait > 0 and wait % patience == 0 for wait in waits)


def is_over(scores: Sequence[float], stop_after: int) -> bool:
    """Tell whether training has come to its early end."""
    # Source: pb2020, section 4.2: "early stopping if the validation BLEU-4 score has not improved
    # for 10 consecutive epochs"
    return since_best(scores) >= stop_after
