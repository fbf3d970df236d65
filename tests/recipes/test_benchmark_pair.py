"""Two networks are timed in turns."""

import time

import torch
from torch import nn

from partial_backprop.experiments.filter_pruning.benchmark_pair import paired_times


class Slow(nn.Module):
    """Sleeps, and tells a list when it was called."""

    def __init__(self, name: str, seconds: float, calls: list[str]) -> None:
        super().__init__()
        self.name, self.seconds, self.calls = name, seconds, calls

    def forward(self, images):
        time.sleep(self.seconds)
        self.calls.append(self.name)
        return images


def test_the_slower_takes_longer_and_turns_change():
    calls = []
    slow, fast = Slow("slow", 0.004, calls), Slow("fast", 0.001, calls)
    pairs = paired_times(slow, fast, torch.zeros(10, 1), n_pairs=4)
    assert len(pairs) == 4
    for first, second in pairs:
        assert first >= 0.0004  # per image of ten
        assert second >= 0.0001
    assert sorted(first for first, _ in pairs)[1] > sorted(second for _, second in pairs)[2]
    assert calls[-8:] == ["slow", "fast", "fast", "slow"] * 2
    assert not slow.training
