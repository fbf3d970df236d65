"""Several seeds at once against one after the other, on the networks of seed 001 at full size.

``python -m benchmarks.replicas``; both ways train the same seeds with partial backpropagation and end with
the same weights, which is looked at too. On a processor, whose cores are busy with one network already,
nothing is won; on a GPU small networks run side by side.
"""

from collections.abc import Callable, Sequence

import torch

from benchmarks import paired
from benchmarks.command import Benchmark, main
from benchmarks.loop import CASES, GPU_BATCHES, GPU_GOAL, PLAIN
from benchmarks.our_loop import (
    LEARNING_RATE,
    MEAN,
    N_CLASSES,
    STD,
    Images,
    Ours,
    at_once,
    one_after_the_other,
    ours,
    pictures,
)
from benchmarks.plain_loop import Pictures, PlainLoop
from benchmarks.ways import Compared, Place, here, ratios
from partial_backprop import labels, registry
from partial_backprop.performance import Goal, Quantity, Spread
from partial_backprop.run_config import Precision
from partial_backprop.training.backward import gradients
from partial_backprop.training.seeding import make_deterministic

ALONE, TOGETHER, RECORDED = "one after the other", "at once", "at once, recorded"
N_SEEDS, QUICK_N_SEEDS, GPU_N_SEEDS = 3, 2, 8
ON_A_PROCESSOR = ("lenet5",)
"""Networks that are measured without a GPU: more would take long to say the same."""


def trainings(
    build: Callable[[], torch.nn.Module],
    data: Images,
    batch_size: int,
    n: int,
    precision: Precision,
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


def measure(network: str, place: Place) -> list[Quantity]:
    """Time one network.

    Parameters
    ----------
    network : str
        One of `CASES`.
    place : Place
        Where to train; if it is quick, fewer seeds too.

    Returns
    -------
    list of Quantity
        One after the other over at once, and the share of weights that differ in the end; where steps can
        be recorded in bfloat16, with recorded steps too, and against as many runs of the plain loop.
    """
    case = CASES[network]
    n_seeds = GPU_N_SEEDS if place.on_gpu else QUICK_N_SEEDS if place.quick else N_SEEDS
    n_batches = GPU_BATCHES if place.on_gpu else case.n_batches
    data = pictures(case.image_shape, place.batch_size * n_batches)
    build = registry.load("networks", network)
    make_deterministic(place.threads)

    def new() -> torch.nn.Module:
        return build(case.image_shape, N_CLASSES).to(place.device)

    def prepared() -> list[Ours]:
        precision = "float32" if place.recorder is None else "bf16"
        return trainings(new, data, place.batch_size, n_seeds, precision)

    trained = {name: prepared() for name in (ALONE, TOGETHER)}
    epochs = {
        ALONE: one_after_the_other(trained[ALONE]),
        TOGETHER: at_once(trained[TOGETHER], [gradients] * n_seeds),
    }
    compared = [Compared(ALONE, TOGETHER)]
    if place.recorder is not None:
        trained[RECORDED] = prepared()
        computing = [place.recorder(one.trainee.model) for one in trained[RECORDED]]
        epochs[RECORDED] = at_once(trained[RECORDED], computing)
        compared += [
            Compared(ALONE, RECORDED, "_recorded", "; recorded"),
            Compared(PLAIN, RECORDED, "_fast", "; plain loop, over ours at once", GPU_GOAL),
        ]
    ways = {name: place.way(epoch, place.as_our_runs) for name, epoch in epochs.items()}
    if place.recorder is not None:
        plain = _plain(new(), data, place.batch_size, n_seeds)
        ways[PLAIN] = place.way(plain, place.as_torch_is)
    times = paired.take_turns(ways, rounds=place.rounds, clock=place.clock)
    size = f"batches {n_batches} of {place.batch_size}"
    title = f"{labels.CNNS[case.experiment]}, {n_seeds} seeds, {size}"
    share = max(differing(trained[ALONE], those) for those in trained.values())
    equal = Quantity(
        name=f"{network}_differing",
        title=f"{title}; weights that differ",
        unit="%",
        value=Spread(low=share, median=share, high=share, n=1),
        goal=Goal(value=0, at_least=False),
    )
    return [*ratios(times, network, title, compared), equal]


def _plain(model: torch.nn.Module, data: Images, batch_size: int, n: int) -> Callable[[], None]:
    channels = data.images.shape[1]
    dataset = Pictures(data.images, data.labels, [MEAN] * channels, [STD] * channels)
    plain = PlainLoop(model, dataset, batch_size=batch_size, learning_rate=LEARNING_RATE)

    def way() -> None:
        for _ in range(n):
            plain.epoch()

    return way


def run(benchmark: Benchmark) -> None:
    """Time the networks: all on a GPU, `ON_A_PROCESSOR` without one.

    Parameters
    ----------
    benchmark : Benchmark
        Gets the measurements.
    """
    place = here(benchmark)
    for network in CASES if place.on_gpu else ON_A_PROCESSOR:
        benchmark.add(measure(network, place))


if __name__ == "__main__":
    main("replicas", run)
