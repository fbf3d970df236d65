"""Two networks are timed in turns."""

import torch
from torch import nn

from partial_backprop.experiments.filter_pruning import benchmark_pair


class Slow(nn.Module):
    """Lets a clock go on by some seconds, and tells a list when it was called."""

    def __init__(self, name: str, seconds: float, clock: list[float], calls: list[str]) -> None:
        super().__init__()
        self.name, self.seconds, self.clock, self.calls = name, seconds, clock, calls

    def forward(self, images):
        self.clock[0] += self.seconds
        self.calls.append(self.name)
        return images


def test_times_are_per_image_and_turns_change(monkeypatch):
    calls, clock = [], [0.0]
    monkeypatch.setattr(benchmark_pair.time, "perf_counter", lambda: clock[0])
    slow, fast = Slow("slow", 4.0, clock, calls), Slow("fast", 1.0, clock, calls)
    pairs = benchmark_pair.paired_times(slow, fast, torch.zeros(10, 1), n_pairs=4)
    assert pairs == [(0.4, 0.1)] * 4
    assert calls[-8:] == ["slow", "fast", "fast", "slow"] * 2
    assert not slow.training
