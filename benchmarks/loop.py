"""Our training loop against a plain one, on the networks of pb2020 at full size.

``python -m benchmarks.loop``; random pictures, since their content costs nothing. Both ways train with
partial backpropagation from the first step on, ours in ``strict`` mode. Ours is timed once more in bfloat16
where the device multiplies in it.
"""

from typing import NamedTuple

import torch

from benchmarks import paired
from benchmarks.command import Benchmark, main, quantity
from benchmarks.our_loop import LEARNING_RATE, MEAN, N_CLASSES, STD, our_loop, pictures
from benchmarks.plain_loop import Pictures, PlainLoop
from benchmarks.ways import Compared, Place, here, ratios
from partial_backprop import labels, registry
from partial_backprop.performance import Quantity
from partial_backprop.pruning.cost import multiply_adds
from partial_backprop.training.precision import Bf16Instructions, bf16_instructions


class Case(NamedTuple):
    """A network and how much of it is timed."""

    experiment: str
    image_shape: tuple[int, int, int]
    n_batches: int
    goal: float
    """Least ratio of times, plain over ours, on a processor; on a GPU it is `GPU_GOAL`, in bfloat16."""
    limit_goal: float | None = None
    """Least share of the rate of a large matrix product."""
    bf16_goal: float | None = None
    """Least ratio of times in bfloat16 with AMX; with AVX512_BF16 alone it is `AVX512_GOAL`."""


CASES = {
    "vgg19": Case("vgg19_cifar10", (3, 32, 32), 1, 1.5, 0.85, 5.0),
    "resnet110": Case("resnet110_cifar10", (3, 32, 32), 1, 1.8, None, 4.0),
    "densenet121": Case("densenet121_cifar10", (3, 32, 32), 1, 1.8, None, 4.0),
    "lenet5": Case("lenet5_mnist", (1, 28, 28), 20, 2.5),
}
GPU_GOAL, GPU_BATCHES = 5.0, 20
AVX512_GOAL = 2.5
SIDE = 2000
"""Of the square matrices whose product shows the machine's rate."""
PRODUCT = "a large product"
OURS, PLAIN, QUIET = "ours", "plain", "plain, not counting"
BF16 = "ours, bf16"


def measure(network: str, place: Place) -> list[Quantity]:
    """Time one network."""
    case = CASES[network]
    n_batches = GPU_BATCHES if place.on_gpu else case.n_batches
    data = pictures(case.image_shape, place.batch_size * n_batches)
    build = registry.load("networks", network)

    def new() -> torch.nn.Module:
        torch.manual_seed(0)
        return build(case.image_shape, N_CLASSES).to(place.device)

    def our_network() -> torch.nn.Module:
        return new().to(memory_format=torch.channels_last)

    channels = case.image_shape[0]
    dataset = Pictures(data.images, data.labels, [MEAN] * channels, [STD] * channels)
    options = {"batch_size": place.batch_size, "learning_rate": LEARNING_RATE}
    ways = {OURS: place.way(our_loop(our_network(), data, place.batch_size), place.as_our_runs)}
    for name, every in ((PLAIN, 1), (QUIET, 0)):
        plain = PlainLoop(new(), dataset, **options, count_every=every)
        ways[name] = place.way(plain.epoch, place.as_torch_is)
    if not place.on_gpu:
        left, right = torch.randn(2, SIDE, SIDE)
        ways[PRODUCT] = place.way(lambda: left @ right, place.as_our_runs)
    if place.has_bf16:
        fast = our_loop(our_network(), data, place.batch_size, precision="bf16")
        ways[BF16] = place.way(fast, place.as_our_runs)
    times = paired.interleave(ways, rounds=place.rounds, clock=place.clock)
    place.as_torch_is()
    compared = [
        Compared(PLAIN, OURS, at_least=None if place.on_gpu else case.goal),
        Compared(QUIET, OURS, "_not_counting", "; plain loop does not count"),
    ]
    if place.has_bf16:
        goal = GPU_GOAL if place.on_gpu else bf16_goal(case, bf16_instructions())
        compared.append(Compared(PLAIN, BF16, "_bf16", "; ours in bfloat16", goal))
    size = f"batch{'es' if n_batches > 1 else ''} {n_batches} of {place.batch_size}"
    title = f"{labels.experiments()[case.experiment]}, {size}"
    found = ratios(times, network, title, compared)
    if not place.on_gpu:
        n_images = place.batch_size * n_batches
        products = n_images * step_operations(our_network(), case.image_shape) / (2 * SIDE**3)
        share = [
            products * a / b
            for a, b in zip(*(times.seconds[n] for n in (PRODUCT, OURS)), strict=True)
        ]
        found.append(
            quantity(
                f"{network}_limit",
                f"{title}; its convolutions and products at the rate of a large product, over ours",
                "×",
                paired.spread(share),
                at_least=case.limit_goal,
            )
        )
    return found


def bf16_goal(case: Case, found: Bf16Instructions) -> float | None:
    """Look up what is asked of bfloat16 on a processor."""
    if case.bf16_goal is None or not any(found):
        return None
    return case.bf16_goal if found.amx_bf16 else AVX512_GOAL


def step_operations(model: torch.nn.Module, image_shape: tuple[int, int, int]) -> int:
    """Count the multiplications and additions of a step by an image, as plain convolutions make them."""
    first = next(m for m in model.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear))
    seen: list[int] = []
    handle = first.register_forward_hook(
        lambda layer, _, output: seen.append(output.numel() * layer.weight[0].numel())
    )
    forward = multiply_adds(model, image_shape)
    handle.remove()
    return 2 * (3 * forward - seen[0])


def run(benchmark: Benchmark) -> None:
    """Time all networks."""
    place = here(benchmark)
    for network in CASES:
        benchmark.add(measure(network, place))


if __name__ == "__main__":
    main("loop", run)
