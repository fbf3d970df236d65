"""Our training loop against a plain one, on the networks of seed 001 at full size.

``python -m benchmarks.loop``; random pictures, since their content costs nothing. Both ways train with
partial backpropagation from the first step on, ours in ``strict`` mode.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from benchmarks import machine, paired
from benchmarks.command import Benchmark, main
from benchmarks.plain_loop import THRESHOLD, Pictures, PlainLoop
from partial_backprop import labels, registry
from partial_backprop.freezing.partial_backprop import PartialBackprop
from partial_backprop.performance import Goal, Quantity
from partial_backprop.run_config import OptimizerConfig, TrainingConfig
from partial_backprop.training import optimizers
from partial_backprop.training.batches import DeviceSplit
from partial_backprop.training.loop import Hooks, Trainee, train_epoch
from partial_backprop.training.seeding import make_deterministic

N_CLASSES = 10
MEAN, STD = 0.5, 0.25
LEARNING_RATE = 1e-3


class Case(NamedTuple):
    """A network and how much of it is timed."""

    experiment: str
    image_shape: tuple[int, int, int]
    n_batches: int
    goal: float
    """Least ratio of times, plain over ours, on a processor."""


CASES = {
    "vgg19": Case("vgg19_cifar10", (3, 32, 32), 1, 1.0),
    "resnet110": Case("resnet110_cifar10", (3, 32, 32), 1, 1.0),
    "densenet121": Case("densenet121_cifar10", (3, 32, 32), 1, 1.0),
    "lenet5": Case("lenet5_mnist", (1, 28, 28), 20, 2.0),
}
GPU_GOAL, GPU_BATCHES = 5.0, 20
OURS, PLAIN, QUIET = "ours", "plain", "plain, not counting"


class Images(NamedTuple):
    """Random pictures with random labels."""

    images: np.ndarray
    labels: np.ndarray


def pictures(shape: tuple[int, int, int], n: int, seed: int = 0) -> Images:
    """Draw pictures.

    Parameters
    ----------
    shape : tuple of int
        Channels, height and width.
    n : int
        How many.
    seed : int
        Of the generator.

    Returns
    -------
    Images
        Bytes and class indices.
    """
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (n, *shape), dtype=np.uint8)
    return Images(pixels, random.integers(0, N_CLASSES, n, dtype=np.int64))


def our_epochs(
    model: torch.nn.Module, data: Images, batch_size: int, *, mode: str = "strict", seed: int = 0
) -> Callable[[], None]:
    """Prepare our loop.

    Parameters
    ----------
    model : nn.Module
        The network, on its device.
    data : Images
        Training examples.
    batch_size : int
        Examples a step.
    mode : {"strict", "gradient"}
        Of partial backpropagation.
    seed : int
        Of the order.

    Returns
    -------
    callable
        Trains one more epoch.
    """
    device = next(model.parameters()).device
    channels = data.images.shape[1]
    split = DeviceSplit.of(data, [MEAN] * channels, [STD] * channels, device)
    config = TrainingConfig(
        batch_size=batch_size, optimizer=OptimizerConfig(learning_rate=LEARNING_RATE)
    )
    optimizer = optimizers.build(model.parameters(), config.optimizer)
    criterion = {"name": "fixed", "threshold": THRESHOLD, "learning_rate": LEARNING_RATE}
    pb = PartialBackprop(model, optimizer, criterion, start_epoch=0, mode=mode)
    hooks = Hooks(begin_epoch=pb.begin_epoch, after_backward=pb.after_backward)
    trainee = Trainee(model, optimizer)
    epochs = iter(range(10**9))

    def epoch() -> None:
        train_epoch(trainee, split, config, seed, next(epochs), hooks)

    return epoch


def measure(network: str, *, threads: int, quick: bool, device: torch.device) -> list[Quantity]:
    """Time one network.

    Parameters
    ----------
    network : str
        One of `CASES`.
    threads : int
        CPU threads.
    quick : bool
        Fewer rounds and smaller batches.
    device : torch.device
        Where to train.

    Returns
    -------
    list of Quantity
        Plain over ours, where the plain loop counts zero gradients every step, and where it does not.
    """
    case = CASES[network]
    on_gpu = device.type == "cuda"
    batch_size = 20 if quick else 100
    n_batches = GPU_BATCHES if on_gpu else case.n_batches
    data = pictures(case.image_shape, batch_size * n_batches)
    build = registry.load("networks", network)

    def new() -> torch.nn.Module:
        torch.manual_seed(0)
        return build(case.image_shape, N_CLASSES).to(device)

    channels = case.image_shape[0]
    ours = our_epochs(new().to(memory_format=torch.channels_last), data, batch_size)
    dataset = Pictures(data.images, data.labels, [MEAN] * channels, [STD] * channels)
    plain = {
        name: PlainLoop(
            new(), dataset, batch_size=batch_size, learning_rate=LEARNING_RATE, count_every=every
        )
        for name, every in ((PLAIN, 1), (QUIET, 0))
    }

    def our_way() -> None:
        make_deterministic(threads)
        ours()
        _wait(device)

    def plain_way(name: str) -> Callable[[], None]:
        def way() -> None:
            _as_torch_is(threads)
            plain[name].epoch()
            _wait(device)

        return way

    ways = {OURS: our_way, **{name: plain_way(name) for name in plain}}
    # One thread's own time is not that of what else runs on the machine.
    clock = time.process_time if threads == 1 and not on_gpu else time.perf_counter
    times = paired.take_turns(ways, rounds=3 if quick else 7, clock=clock)
    _as_torch_is(threads)
    goal = GPU_GOAL if on_gpu else case.goal
    title = labels.CNNS[case.experiment]
    size = f"{n_batches} of {batch_size}"
    return [
        Quantity(
            name=f"{network}{suffix}",
            title=f"{title}, {'batches' if n_batches > 1 else 'batch'} {size}{words}",
            unit="×",
            value=times.ratio(name, OURS),
            goal=Goal(value=goal, at_least=True) if name == PLAIN else None,
            parts={part: times.spread(part) for part in (name, OURS)},
        )
        for name, suffix, words in (
            (PLAIN, "", ""),
            (QUIET, "_not_counting", "; plain loop does not count"),
        )
    ]


def _as_torch_is(threads: int) -> None:
    """Undo what `make_deterministic` sets, as a plain loop would leave it."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.benchmark = True  # the listing's
    torch.set_flush_denormal(False)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def run(benchmark: Benchmark) -> None:
    """Time all networks.

    Parameters
    ----------
    benchmark : Benchmark
        Gets the measurements.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    threads = benchmark.threads or machine.n_cores()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    benchmark.on(threads, name)
    for network in CASES:
        benchmark.add(measure(network, threads=threads, quick=benchmark.quick, device=device))


if __name__ == "__main__":
    main("loop", run)
