"""What freezing saves on VGG19: the optimizer's step and state, the whole training step, and memory.

``python -m benchmarks.active_optimizer``; random pictures, one thread, whose own seconds are counted.
Optimizers step on weights in torch's default order in memory, in which its fused form is fastest,
and once with channels last; whole steps have channels last, as the recipes do.
"""

import functools
import subprocess
import sys
import time

import torch

from benchmarks import paired
from benchmarks.command import Benchmark, main, quantity
from benchmarks.masked_training import (
    BATCH_SIZE,
    FB,
    FOREACH,
    SHARE,
    WAYS,
    Training,
    compact,
    masked,
)
from partial_backprop.performance import Curve, Point

SHARES = (0.0, 0.1, 0.25, 0.5, 0.8, 0.9, 0.95, 0.99)
"""Frozen shares; at 0 there is nothing to be compact about, and torch steps."""
CURVES = {
    "compact_fused": "AMSGrad's step, compact over torch's fused",
    "compact_foreach": "AMSGrad's step, compact over torch's foreach",
    "masked_fused": "AMSGrad's step, masked over torch's fused",
    "state": "AMSGrad's state, compact over whole",
}
STEP_GOAL, STATE_GOAL = 0.6, 0.3
WHOLE_GOALS = {"compact": 1.0, "filters_network": 0.8, "filters_layer": 0.8}
PEAKS = {"peak_whole": "whole run", "peak": "steps with a mask"}
"""Name -> when, in the order in which `masked_training` prints them."""
PEAK_GOALS = {
    ("compact", "peak"): 0.82,
    ("compact", "peak_whole"): 1.0,
    ("compact_from_start", "peak_whole"): 0.85,
}
AT = f"{SHARE:.0%} frozen"


def optimizer_steps(benchmark: Benchmark) -> None:
    """Time optimizers' steps, and count their states."""
    make = functools.partial(Training, batch_size=8, memory_format=torch.contiguous_format)
    torch_s = {"fused": make(FB), "foreach": make(FOREACH)}
    points: dict[str, list[Point]] = {name: [] for name in CURVES}
    for share in (0.0, SHARE) if benchmark.quick else SHARES:
        trainings = torch_s | {"compact": make(compact(share)), "masked": make(masked(share))}
        ways = {name: training.optimizer.step for name, training in trainings.items()}
        rounds = 5 if benchmark.quick else 25
        times = paired.interleave(ways, rounds=rounds, warm_up=2, clock=time.process_time)
        whole = trainings["fused"].state_bytes()
        found = {
            "compact_fused": times.ratio("compact", "fused"),
            "compact_foreach": times.ratio("compact", "foreach"),
            "masked_fused": times.ratio("masked", "fused"),
            "state": paired.spread([trainings["compact"].state_bytes() / whole]),
        }
        for name, value in found.items():
            points[name].append(Point(x=share, value=value))
        if share == SHARE:
            for name in ("compact_fused", "compact_foreach", "state"):
                ends = ("compact", name.removeprefix("compact_")) if name != "state" else ()
                benchmark.add(
                    [
                        quantity(
                            name,
                            f"{CURVES[name]}, {AT}",
                            "×",
                            found[name],
                            at_most=STATE_GOAL if name == "state" else STEP_GOAL,
                            parts={end: times.spread(end) for end in ends},
                        )
                    ]
                )
            print(f"kernel: {trainings['compact'].pb.kernel}", file=sys.stderr)
    curves = [
        Curve(
            name=f"{name}_by_share",
            title=CURVES[name],
            axis="frozen share",
            unit="×",
            points=tuple(points[name]),
        )
        for name in CURVES
    ]
    benchmark.add(curves)


def channels_last_step(benchmark: Benchmark) -> None:
    """Time optimizers' steps on weights with channels last, as the recipes have them."""
    make = functools.partial(Training, batch_size=8, memory_format=torch.channels_last)
    ways = {"compact": make(compact(SHARE)).optimizer.step, "fused": make(FB).optimizer.step}
    rounds = 5 if benchmark.quick else 25
    times = paired.interleave(ways, rounds=rounds, warm_up=2, clock=time.process_time)
    benchmark.add(
        [
            quantity(
                "compact_fused_channels_last",
                f"{CURVES['compact_fused']}, channels last, {AT}",
                "×",
                times.ratio("compact", "fused"),
                at_most=STEP_GOAL,
                parts={name: times.spread(name) for name in ways},
            )
        ]
    )


def whole_steps(benchmark: Benchmark) -> None:
    """Time whole training steps."""
    timed = {name: way for name, way in WAYS.items() if name != "compact_from_start"}
    trainings = {n: Training(way, BATCH_SIZE, torch.channels_last) for n, way in timed.items()}
    ways = {name: training.step for name, training in trainings.items()}
    rounds = 2 if benchmark.quick else 7
    times = paired.interleave(ways, rounds=rounds, clock=time.process_time)
    for name, way in timed.items():
        if name == "fb":
            continue
        mask = trainings[name].pb.mask
        share = mask.n_frozen() / mask.n_weights()
        goal = WHOLE_GOALS.get(name)
        benchmark.add(
            [
                quantity(
                    f"whole_{name}",
                    f"Training step, {way.title} ({share:.0%} of weights frozen) over FB",
                    "×",
                    times.ratio(name, "fb"),
                    at_most=goal,
                    parts={end: times.spread(end) for end in (name, "fb")},
                )
            ]
        )


def memory(benchmark: Benchmark) -> None:
    """Measure peak memory, each time in a process of its own."""
    found: dict[str, list[list[float]]] = {name: [] for name in WAYS}
    for _ in range(1 if benchmark.quick else 3):
        for name in WAYS:
            command = [sys.executable, "-m", "benchmarks.masked_training", name]
            printed = subprocess.check_output(command, text=True)
            found[name].append([float(number) for number in printed.split()])
    for name, way in WAYS.items():
        for index, (key, when) in enumerate(PEAKS.items()):
            values = [peaks[index] for peaks in found[name]]
            ratios = [value / fb[index] for value, fb in zip(values, found["fb"], strict=True)]
            goal = PEAK_GOALS.get((name, key))
            measured = [("", "MiB", values, None)]
            if name != "fb":
                measured.append((" over FB", "×", ratios, goal))
            for suffix, unit, numbers, wanted in measured:
                benchmark.add(
                    [
                        quantity(
                            f"{key}_{name}" if not suffix else f"{key}_ratio_{name}",
                            f"Peak memory of a process{suffix}, {when}, {way.title}",
                            unit,
                            paired.spread(numbers),
                            at_most=wanted,
                        )
                    ]
                )


def run(benchmark: Benchmark) -> None:
    """Measure everything."""
    torch.set_num_threads(1)  # whose own time is not that of what else runs on the machine
    torch.set_flush_denormal(True)
    benchmark.on(1)
    optimizer_steps(benchmark)
    channels_last_step(benchmark)
    whole_steps(benchmark)
    memory(benchmark)


if __name__ == "__main__":
    main("active_optimizer", run)
