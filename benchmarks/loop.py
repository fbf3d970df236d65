"""Our training loop against a plain one, on the networks of seed 001 at full size.

``python -m benchmarks.loop``; random pictures, since their content costs nothing. Both ways train with
partial backpropagation from the first step on, ours in ``strict`` mode. On a GPU ours is timed once more
in bfloat16 and with recorded steps.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import torch

from benchmarks import machine, paired
from benchmarks.command import Benchmark, main
from benchmarks.our_loop import LEARNING_RATE, MEAN, N_CLASSES, STD, our_epochs, pictures
from benchmarks.plain_loop import Pictures, PlainLoop
from partial_backprop import labels, registry
from partial_backprop.performance import Goal, Quantity
from partial_backprop.training.backward import Gradients
from partial_backprop.training.graphs import Replayed
from partial_backprop.training.seeding import make_deterministic


class Case(NamedTuple):
    """A network and how much of it is timed."""

    experiment: str
    image_shape: tuple[int, int, int]
    n_batches: int
    goal: float
    """Least ratio of times, plain over ours, on a processor; on a GPU it is `GPU_GOAL`."""


CASES = {
    "vgg19": Case("vgg19_cifar10", (3, 32, 32), 1, 1.0),
    "resnet110": Case("resnet110_cifar10", (3, 32, 32), 1, 1.0),
    "densenet121": Case("densenet121_cifar10", (3, 32, 32), 1, 1.0),
    "lenet5": Case("lenet5_mnist", (1, 28, 28), 20, 2.0),
}
GPU_GOAL, GPU_BATCHES = 5.0, 20
OURS, PLAIN, QUIET = "ours", "plain", "plain, not counting"
FAST = "ours, bf16, recorded"

Recorder = Callable[[torch.nn.Module], Gradients]
"""From a network to what records how its gradients are computed."""


def measure(
    network: str,
    *,
    threads: int,
    quick: bool,
    device: torch.device,
    recorded: Recorder | None = None,
) -> list[Quantity]:
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
    recorded : callable, optional
        From a network to what records its steps, where that can be done.

    Returns
    -------
    list of Quantity
        Plain over ours, where the plain loop counts zero gradients every step, and where it does not;
        where steps can be recorded also with all that makes ours fast, and then that is what the goal is for.
    """
    case = CASES[network]
    batch_size = 20 if quick else 100
    n_batches = GPU_BATCHES if device.type == "cuda" else case.n_batches
    data = pictures(case.image_shape, batch_size * n_batches)
    build = registry.load("networks", network)

    def new() -> torch.nn.Module:
        torch.manual_seed(0)
        return build(case.image_shape, N_CLASSES).to(device)

    channels = case.image_shape[0]

    def our_network() -> torch.nn.Module:
        return new().to(memory_format=torch.channels_last)

    dataset = Pictures(data.images, data.labels, [MEAN] * channels, [STD] * channels)
    plain = {
        name: PlainLoop(
            new(), dataset, batch_size=batch_size, learning_rate=LEARNING_RATE, count_every=every
        )
        for name, every in ((PLAIN, 1), (QUIET, 0))
    }

    def our_way(epoch: Callable[[], None]) -> Callable[[], None]:
        def way() -> None:
            make_deterministic(threads)
            epoch()
            wait(device)

        return way

    def plain_way(name: str) -> Callable[[], None]:
        def way() -> None:
            as_torch_is(threads)
            plain[name].epoch()
            wait(device)

        return way

    ways = {OURS: our_way(our_epochs(our_network(), data, batch_size))}
    ways |= {name: plain_way(name) for name in plain}
    if recorded is not None:
        model = our_network()
        options = {"precision": "bf16", "compute": recorded(model)}
        ways[FAST] = our_way(our_epochs(model, data, batch_size, **options))
    times = paired.take_turns(ways, rounds=3 if quick else 7, clock=clock(threads, device))
    as_torch_is(threads)
    title = labels.CNNS[case.experiment]
    size = f"{n_batches} of {batch_size}"
    compared = [
        (PLAIN, OURS, "", "", None if recorded else case.goal),
        (QUIET, OURS, "_not_counting", "; plain loop does not count", None),
    ]
    if recorded is not None:
        compared.append((PLAIN, FAST, "_fast", "; ours in bfloat16, recorded", GPU_GOAL))
    return [
        Quantity(
            name=f"{network}{suffix}",
            title=f"{title}, {'batches' if n_batches > 1 else 'batch'} {size}{words}",
            unit="×",
            value=times.ratio(above, below),
            goal=None if goal is None else Goal(value=goal, at_least=True),
            parts={part: times.spread(part) for part in (above, below)},
        )
        for above, below, suffix, words, goal in compared
    ]


def clock(threads: int, device: torch.device) -> Callable[[], float]:
    """Choose what measures time.

    Parameters
    ----------
    threads : int
        CPU threads.
    device : torch.device
        Where is trained.

    Returns
    -------
    callable
        Returns seconds: of one thread its own, which are not those of what else runs on the machine.
    """
    return time.process_time if threads == 1 and device.type == "cpu" else time.perf_counter


def as_torch_is(threads: int) -> None:
    """Undo what `make_deterministic` sets, as a plain loop would leave it.

    Parameters
    ----------
    threads : int
        CPU threads.
    """
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.benchmark = True  # the listing's
    torch.set_flush_denormal(False)


def wait(device: torch.device) -> None:
    """Wait until a device has done all that was asked of it.

    Parameters
    ----------
    device : torch.device
        The device; a processor has always done it.
    """
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def run(benchmark: Benchmark) -> None:
    """Time all networks.

    Parameters
    ----------
    benchmark : Benchmark
        Gets the measurements.
    """
    device, recorded = here(benchmark)
    for network in CASES:
        benchmark.add(
            measure(
                network,
                threads=benchmark.threads or machine.n_cores(),
                quick=benchmark.quick,
                device=device,
                recorded=recorded,
            )
        )


def here(benchmark: Benchmark) -> tuple[torch.device, Recorder | None]:
    """Choose where is trained, and tell the benchmark.

    Parameters
    ----------
    benchmark : Benchmark
        Learns threads and device.

    Returns
    -------
    device : torch.device
        CUDA where there is one.
    recorded : callable or None
        What records steps there.
    """
    threads = benchmark.threads or machine.n_cores()
    if not torch.cuda.is_available():
        benchmark.on(threads)
        return torch.device("cpu"), None
    device = torch.device("cuda")
    benchmark.on(threads, torch.cuda.get_device_name(device))
    return device, lambda _: Replayed()


if __name__ == "__main__":
    main("loop", run)
