"""What the benchmarks of training have in common: where is trained, by which clock, in whose settings."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from benchmarks import machine
from benchmarks.command import Benchmark, quantity
from benchmarks.paired import Times, Way
from partial_backprop.performance import Quantity
from partial_backprop.startup import keep_freed_memory
from partial_backprop.training.precision import bf16_instructions
from partial_backprop.training.seeding import make_deterministic


class Place(NamedTuple):
    """Where is trained, and how."""

    device: torch.device
    threads: int
    """CPU threads."""
    quick: bool = False
    """Fewer rounds and smaller batches."""

    @property
    def on_gpu(self) -> bool:
        """Whether it is a GPU."""
        return self.device.type == "cuda"

    @property
    def has_bf16(self) -> bool:
        """Whether it multiplies in bfloat16, and does not emulate it."""
        return self.on_gpu or any(bf16_instructions())

    @property
    def rounds(self) -> int:
        """How often each way is timed."""
        return 3 if self.quick else 7

    @property
    def batch_size(self) -> int:
        """Examples a step; 100 is that of pb2020."""
        return 20 if self.quick else 100

    def clock(self) -> float:
        """Read the clock."""
        alone = self.threads == 1 and not self.on_gpu
        return time.process_time() if alone else time.perf_counter()

    def wait(self) -> None:
        """Wait until the device has done all that was asked of it."""
        if self.on_gpu:
            torch.cuda.synchronize(self.device)

    def way(self, train: Way, settle: Callable[[], None]) -> Way:
        """Return a way to train."""

        def settled() -> None:
            settle()
            train()
            self.wait()

        return settled

    def as_our_runs(self) -> None:
        """Choose the settings of our runs."""
        make_deterministic(self.threads)
        keep_freed_memory()

    def as_torch_is(self) -> None:
        """Undo what `make_deterministic` sets, as a plain loop would leave it."""
        torch.set_num_threads(self.threads)
        torch.set_deterministic_debug_mode("default")
        torch.backends.cudnn.benchmark = True  # the listing's
        torch.set_flush_denormal(False)
        keep_freed_memory(False)


def here(benchmark: Benchmark) -> Place:
    """Choose where is trained, and tell the benchmark."""
    threads = benchmark.threads or machine.n_cores()
    if not torch.cuda.is_available():
        benchmark.on(threads)
        return Place(torch.device("cpu"), threads, benchmark.quick)
    device = torch.device("cuda")
    benchmark.on(threads, torch.cuda.get_device_name(device))
    return Place(device, threads, benchmark.quick)


class Compared(NamedTuple):
    """Two ways whose times are divided."""

    above: str
    below: str
    suffix: str = ""
    """What the quantity's name has behind the network's."""
    words: str = ""
    """What its title has behind the network's."""
    at_least: float | None = None
    """The goal of the ratio, if there is one."""


def ratios(times: Times, name: str, title: str, compared: Sequence[Compared]) -> list[Quantity]:
    """Divide the times of ways."""
    return [
        quantity(
            f"{name}{one.suffix}",
            f"{title}{one.words}",
            "×",
            times.ratio(one.above, one.below),
            at_least=one.at_least,
            parts={part: times.spread(part) for part in (one.above, one.below)},
        )
        for one in compared
    ]
