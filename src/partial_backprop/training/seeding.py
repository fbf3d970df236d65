"""Randomness that depends on the seed and the epoch alone, and on nothing that ran before.

A run that was killed and resumed, and an arm that starts from the warm-up checkpoint, draw in
epoch n what an uninterrupted run draws there.
"""

import hashlib
import os

import torch


def derive(seed: int, *names: object) -> int:
    """Derive an independent seed."""
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def shuffled(n: int, seed: int, epoch: int) -> torch.Tensor:
    """Return the order of the training examples in an epoch."""
    # Shapes: result (n,)
    generator = torch.Generator().manual_seed(derive(seed, "shuffle", epoch))
    return torch.randperm(n, generator=generator)


def make_deterministic(threads: int) -> None:
    """Ask torch for the same numbers every time."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    # Some CUDA kernels, such as max-pooling's backward pass, may have no deterministic form: there a
    # warning says so. On a processor all that is used here is deterministic, or it is an error.
    # `use_deterministic_algorithms` would do the same and load torch's compiler, which takes seconds.
    torch.set_deterministic_debug_mode("warn" if torch.cuda.is_available() else "error")
    torch.backends.cudnn.benchmark = False
    torch.utils.deterministic.fill_uninitialized_memory = False
    # The moments of a weight whose gradient stays 0 decay into subnormal numbers, which some
    # processors multiply many times more slowly.
    torch.set_flush_denormal(True)
