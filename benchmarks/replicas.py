"""Several seeds at once against one after the other, on the networks of seed 001 at full size.

``python -m benchmarks.replicas``; both ways train the same seeds with partial backpropagation and end with
the same weights, which is looked at too. On a processor, whose cores are busy with one network already,
nothing is won; on a GPU small networks run side by side.
"""

from collections.abc import Callable, Sequence

import torch

from benchmarks import machine, paired
from benchmarks.command import Benchmark, main
from benchmarks.loop import (
    CASES,
    GPU_BATCHES,
    GPU_GOAL,
    PLAIN,
    Recorder,
    as_torch_is,
    clock,
    here,
    wait,
)
from benchmarks.our_loop import LEARNING_RATE, MEAN, N_CLASSES, STD, Images, Ours, ours, pictures
from benchmarks.plain_loop import Pictures, PlainLoop
from partial_backprop import labels, registry
from partial_backprop.performance import Goal, Quantity, Spread
from partial_backprop.training.backward import Gradients, gradients
from partial_backprop.training.seeding import make_deterministic
from partial_backprop.training.turns import Lane, finish, take_turns

ALONE, TOGETHER, RECORDED = "one after the other", "at once", "at once, recorded"
N_SEEDS, QUICK_N_SEEDS, GPU_N_SEEDS = 3, 2, 8
ON_A_PROCESSOR = ("lenet5",)
"""Networks that are measured without a GPU: more would take long to say the same."""


def trainings(
    build: Callable[[], torch.nn.Module], data: Images, batch_size: int, n: int, precision: str
) -> list[Ours]:
    """Prepare the trainings of several seeds.

    Parameters
    ----------
    build : callable
        Makes a network on its device.
    data : Images
        Training examples.
    batch_size : int
        Examples a step.
    n : int
        Number of seeds.
    precision : {"float32", "tf32", "bf16"}
        How the networks compute.

    Returns
    -------
    list of Ours
        One for each of the seeds from 0, with weights of its own.
    """
    found = []
    for seed in range(n):
        torch.manual_seed(seed)
        model = build().to(memory_format=torch.channels_last)
        found.append(ours(model, data, batch_size, precision=precision))
    return found


def one_after_the_other(these: Sequence[Ours]) -> Callable[[], None]:
    """Return what trains each one for one more epoch, one after the other.

    Parameters
    ----------
    these : sequence of Ours
        Trainings; the place of each is its seed.

    Returns
    -------
    callable
        Trains them.
    """
    epochs = iter(range(10**9))

    def way() -> None:
        epoch = next(epochs)
        for seed, one in enumerate(these):
            finish(one.steps(seed, epoch))

    return way


def at_once(these: Sequence[Ours], computing: Sequence[Gradients]) -> Callable[[], None]:
    """Return what trains each one for one more epoch, a step of each in turn.

    Parameters
    ----------
    these : sequence of Ours
        Trainings; the place of each is its seed.
    computing : sequence of Gradients
        Computes the gradients of each one.

    Returns
    -------
    callable
        Trains them.
    """
    epochs = iter(range(10**9))
    lanes = [Lane(one.split.labels.device) for one in these]

    def way() -> None:
        epoch = next(epochs)
        works = [
            one.steps(seed, epoch, compute)
            for seed, (one, compute) in enumerate(zip(these, computing, strict=True))
        ]
        take_turns(works, lanes)

    return way


def differing(these: Sequence[Ours], those: Sequence[Ours]) -> float:
    """Compare the weights of trainings.

    Parameters
    ----------
    these, those : sequence of Ours
        Trainings of the same seeds.

    Returns
    -------
    float
        Percent of the weights that are not equal.
    """
    n_all = n_differing = 0
    for one, other in zip(these, those, strict=True):
        models = one.trainee.model, other.trainee.model
        for mine, theirs in zip(*(model.parameters() for model in models), strict=True):
            n_all += mine.numel()
            n_differing += int((mine != theirs).sum())
    return 100 * n_differing / n_all


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
        Fewer seeds, fewer rounds and smaller batches.
    device : torch.device
        Where to train.
    recorded : callable, optional
        From a network to what records its steps, where that can be done.

    Returns
    -------
    list of Quantity
        One after the other over at once, and the share of weights that differ in the end; where steps can
        be recorded in bfloat16, with recorded steps too, and against as many runs of the plain loop.
    """
    case, on_gpu = CASES[network], device.type == "cuda"
    n_seeds = GPU_N_SEEDS if on_gpu else QUICK_N_SEEDS if quick else N_SEEDS
    batch_size = 20 if quick else 100
    n_batches = GPU_BATCHES if on_gpu else case.n_batches
    data = pictures(case.image_shape, batch_size * n_batches)
    build = registry.load("networks", network)
    make_deterministic(threads)

    def new() -> torch.nn.Module:
        return build(case.image_shape, N_CLASSES).to(device)

    def prepared() -> list[Ours]:
        return trainings(new, data, batch_size, n_seeds, "bf16" if recorded else "float32")

    trained = {name: prepared() for name in (ALONE, TOGETHER)}
    epochs = {
        ALONE: one_after_the_other(trained[ALONE]),
        TOGETHER: at_once(trained[TOGETHER], [gradients] * n_seeds),
    }
    if recorded is not None:
        trained[RECORDED] = prepared()
        computing = [recorded(one.trainee.model) for one in trained[RECORDED]]
        epochs[RECORDED] = at_once(trained[RECORDED], computing)
    ways = {name: _ours(epoch, threads, device) for name, epoch in epochs.items()}
    if recorded is not None:
        ways[PLAIN] = _plain(new(), data, batch_size, n_seeds, threads, device)
    times = paired.take_turns(ways, rounds=3 if quick else 7, clock=clock(threads, device))
    title = f"{labels.CNNS[case.experiment]}, {n_seeds} seeds, batches {n_batches} of {batch_size}"
    compared = [(ALONE, TOGETHER, "", "", None)]
    if recorded is not None:
        compared += [
            (ALONE, RECORDED, "_recorded", "; recorded", None),
            (PLAIN, RECORDED, "_fast", "; plain loop, over ours at once", GPU_GOAL),
        ]
    ratios = [
        Quantity(
            name=f"{network}{suffix}",
            title=f"{title}{words}",
            unit="×",
            value=times.ratio(above, below),
            goal=None if goal is None else Goal(value=goal, at_least=True),
            parts={part: times.spread(part) for part in (above, below)},
        )
        for above, below, suffix, words, goal in compared
    ]
    share = max(differing(trained[ALONE], those) for those in trained.values())
    equal = Quantity(
        name=f"{network}_differing",
        title=f"{title}; weights that differ",
        unit="%",
        value=Spread(low=share, median=share, high=share, n=1),
        goal=Goal(value=0, at_least=False),
    )
    return [*ratios, equal]


def _ours(epoch: Callable[[], None], threads: int, device: torch.device) -> Callable[[], None]:
    def way() -> None:
        make_deterministic(threads)
        epoch()
        wait(device)

    return way


def _plain(
    model: torch.nn.Module,
    data: Images,
    batch_size: int,
    n: int,
    threads: int,
    device: torch.device,
) -> Callable[[], None]:
    channels = data.images.shape[1]
    dataset = Pictures(data.images, data.labels, [MEAN] * channels, [STD] * channels)
    plain = PlainLoop(model, dataset, batch_size=batch_size, learning_rate=LEARNING_RATE)

    def way() -> None:
        as_torch_is(threads)
        for _ in range(n):
            plain.epoch()
        wait(device)

    return way


def run(benchmark: Benchmark) -> None:
    """Time the networks: all on a GPU, `ON_A_PROCESSOR` without one.

    Parameters
    ----------
    benchmark : Benchmark
        Gets the measurements.
    """
    device, recorded = here(benchmark)
    for network in CASES if recorded else ON_A_PROCESSOR:
        benchmark.add(
            measure(
                network,
                threads=benchmark.threads or machine.n_cores(),
                quick=benchmark.quick,
                device=device,
                recorded=recorded,
            )
        )


if __name__ == "__main__":
    main("replicas", run)
