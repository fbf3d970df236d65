"""Synthetic records of Labs 2 and 3, made through the real models.

For tests only: no number here was measured. Accuracies follow `ACCURACY`, so that a test can read off
what a sentence must say.
"""

import dataclasses
import zlib
from collections.abc import Iterable, Mapping

from tests import made as made_up

from partial_backprop.inputs import Inputs
from partial_backprop.measurements import compression
from partial_backprop.measurements.compression import CompressionReport, LayerCounts, Point
from partial_backprop.record import (
    NetworkFacts,
    Record,
)

PRETRAINED = "resnet20_pretraining/float"
SPARSE = "lab2_pruning/iterative_global"

LAYERS = {"head_conv.0.conv": 432}
for _block in range(9):
    _channels = 16 * 2 ** (_block // 3)
    _before = _channels // 2 if _block in (3, 6) else _channels
    LAYERS[f"body_op.{_block}.conv1.0.conv"] = 9 * _before * _channels
    LAYERS[f"body_op.{_block}.conv2.0.conv"] = 9 * _channels * _channels
    if _block in (3, 6):
        LAYERS[f"body_op.{_block}.id_mapping.0.conv"] = _before * _channels
LAYERS["final_fc.linear"] = 640
"""Weights of each layer of ResNet-20 at full width, ``id_mapping`` included."""

PRINTED_ZEROS = "as printed"
"""Zeros by layer as sparse_homework prints them for Lab 2 (c) and (d)."""

TrainingContext = tuple[float | None, int | None]


@dataclasses.dataclass(frozen=True)
class Arm:
    """What a made-up arm measures, in percent correct on the test set."""

    start: str
    at_once: Mapping[TrainingContext, float]
    setting: TrainingContext
    last: float
    zeros: str


ARMS = {
    "lab2_pruning": {
        "finetune": Arm(
            PRETRAINED,
            {(0.4, None): 85, (0.6, None): 70, (0.8, None): 20},
            (0.8, None),
            80,
            "layer",
        ),
        "iterative": Arm(PRETRAINED, {(0.8, None): 20}, (0.8, None), 82, "layer"),
        "iterative_global": Arm(
            PRETRAINED,
            {(0.4, None): 87, (0.6, None): 75, (0.8, None): 30},
            (0.8, None),
            84,
            "global",
        ),
    },
    "lab3_quantization": {
        "finetune_4bit": Arm(
            PRETRAINED, {(None, 6): 89, (None, 5): 88, (None, 4): 86}, (None, 4), 88, "none"
        ),
        "finetune_3bit": Arm(PRETRAINED, {(None, 3): 70}, (None, 3), 86, "none"),
        "finetune_2bit": Arm(PRETRAINED, {(None, 2): 11}, (None, 2), 81, "none"),
        "joint_4bit": Arm(SPARSE, {(None, 4): 82}, (None, 4), 83, "sparse"),
        "joint_3bit": Arm(SPARSE, {(None, 3): 65}, (None, 3), 79, "sparse"),
        "joint_2bit": Arm(SPARSE, {(None, 2): 12}, (None, 2), 60, "sparse"),
        "joint_zeros_lost": Arm(
            SPARSE, {(None, 2): 10, (None, 3): 9, (None, 4): 11}, (None, 4), 76, "lost"
        ),
        "iterative_4bit": Arm(PRETRAINED, {(0.8, 4): 15}, (0.8, 4), 83.5, "global"),
    },
}
"""Experiment -> arm -> what it measures; the trained network has 90 %, the sparse one 84 %."""

START_ACCURACY = {PRETRAINED: 90.0, SPARSE: 84.0}


def _n_zeros(name: str, n_weights: int, how: str, sparsity: float) -> int:
    if how == "layer":
        # Linear interpolation and |w| <= threshold, for distinct values.
        return int(sparsity * (n_weights - 1)) + 1
    if how in ("global", "sparse"):
        shift = zlib.crc32(name.encode()) % 1000 / 1000 - 0.5
        return round(n_weights * min(1, max(0, sparsity + 0.3 * shift)))
    return 0


def layer_counts(how: str, sparsity: float | None, bits: int | None) -> tuple[LayerCounts, ...]:
    """Count zeros and values as a run would."""
    counts = []
    for name, n_weights in LAYERS.items():
        prunable = "id_mapping" not in name
        share = 0.8 if how == "sparse" and sparsity is None else sparsity
        outer = name in ("head_conv.0.conv", "final_fc.linear")
        n_zeros = _n_zeros(name, n_weights, how, share) if prunable and share else 0
        n_values = n_weights - n_zeros + (n_zeros > 0)
        if bits is not None and not outer:
            n_values = 2**bits + (n_zeros > 0)
        counts.append(
            LayerCounts(
                name=name,
                prunable=prunable,
                n_weights=n_weights,
                n_zeros=n_zeros,
                n_values=n_values,
            )
        )
    return tuple(counts)


def _point(percent: float, setting: TrainingContext, how: str) -> Point:
    return Point(
        sparsity=setting[0],
        bits=setting[1],
        validation=made_up.count(percent, made_up.N_VALIDATION),
        test=made_up.count(percent),
        test_loss=1.0,
        layers=layer_counts(how, *setting),
    )


def record(experiment: str, arm: str, seed: int, made: Arm | None = None, **data: object) -> Record:
    """Make up a run; its seed adds as many points to every accuracy after fine-tuning."""
    made = made or ARMS[experiment][arm]
    iterative = arm.startswith("iterative")
    config = made_up.config(
        experiment,
        arm,
        seed,
        {"name": "compress", "start": made.start, "padding": 4, "ramp_epochs": 10}
        | {"iterative": iterative},
        {"name": "sgd", "learning_rate": 0.002, "momentum": 0.875, "weight_decay": 1e-4},
        epochs=20,
        batch_size=256,
    )
    at_start = "sparse" if made.start == SPARSE else "none"
    report = CompressionReport(
        start=made.start,
        start_point=_point(START_ACCURACY[made.start], (None, None), at_start),
        without_finetuning=tuple(
            _point(percent, setting, made.zeros) for setting, percent in made.at_once.items()
        ),
        finetuned=_point(made.last + seed, made.setting, made.zeros),
    )
    return made_up.record(
        config,
        data=made_up.data(**data),
        network=NetworkFacts(name="resnet20", n_parameters=272474, full_size=True),
        selections=made_up.selections(made_up.from_last(made.last + seed), epoch=12),
        measurements={compression.KEY: report.model_dump(mode="json")},
    )


def inputs(
    experiments: Iterable[str] = tuple(ARMS),
    seeds: Iterable[int] = (0,),
    *,
    without: Iterable[str] = (),
    changed: Mapping[str, Arm] | None = None,
    more: Iterable[Record] = (),
) -> Inputs:
    """Make up what tables and figures read: `without` some arms, with others `changed`."""
    changed, numbers, gone = changed or {}, list(seeds), set(without)
    records = [
        record(experiment, arm, seed, changed.get(arm))
        for experiment in experiments
        for arm in ARMS[experiment]
        for seed in numbers
        if arm not in gone
    ]
    return made_up.inputs([*records, *more])
