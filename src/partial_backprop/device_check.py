"""Whether a device computes what a processor computes: kernels, masks, resume and precision.

The reference is plain torch in double precision on the processor, so that a processor can be checked too.
"""

import io
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from partial_backprop.freezing.partial_backprop import PartialBackprop
from partial_backprop.mask import Mask
from partial_backprop.run_config import TrainingConfig
from partial_backprop.training.batches import DeviceSplit
from partial_backprop.training.loop import DeviceSplits, Hooks, TrainState, backward, fit

CPU = torch.device("cpu")
IMAGE_SHAPE, N_CLASSES, N_IMAGES = (3, 16, 16), 10, 120
LEARNING_RATE, N_STEPS = 0.01, 10

STEP_TOLERANCE = 1e-6
"""On weights below 1 after `N_STEPS` steps: some roundings of single precision."""
THRESHOLD_TOLERANCE = 1e-4
"""Relative; gradients that are as near to a threshold may fall on either side of it."""
GRADIENT_TOLERANCE = {"float32": 1e-5, "tf32": 1e-2, "bf16": 0.1}
"""Relative, of all gradients together; TF32 in place of float32 would exceed the first by far."""

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "Adam": lambda parameters: torch.optim.Adam(parameters, LEARNING_RATE),
    "AMSGrad with decay": lambda parameters: torch.optim.Adam(
        parameters, LEARNING_RATE, amsgrad=True, weight_decay=0.1
    ),
    "AdamW": lambda parameters: torch.optim.AdamW(parameters, LEARNING_RATE, weight_decay=0.1),
}
FIXED = {"name": "fixed", "threshold": 1.0, "learning_rate": 1.0}
CRITERIA: tuple[dict[str, Any], ...] = (
    FIXED,
    {"name": "quantile", "q": 0.8},
    {"name": "quantile", "q": 0.8, "scope": "layer"},
    {"name": "filters", "q": 0.5},
    {"name": "random", "like": FIXED, "seed": 0},
    {"name": "otsu_kde"},
)


class Outcome(NamedTuple):
    """What one check found."""

    name: str
    ok: bool
    detail: str
    """What was compared, or the difference."""

    def __str__(self) -> str:
        return f"{self.name:<10} {'OK' if self.ok else 'DIFFERS':<8} {self.detail}"


def check(device: torch.device) -> list[Outcome]:
    """Run all checks on a device."""
    outcomes = []
    for name, one in CHECKS.items():
        try:
            differences, detail = one(device)
        except Exception as error:
            differences, detail = [f"{type(error).__name__}: {error}"], ""
        told = " ".join("; ".join(differences).split())[:300]
        outcomes.append(Outcome(name, not differences, told or detail))
    return outcomes


def _kernels(device: torch.device) -> tuple[list[str], str]:
    """Steps on active weights alone against steps on all of them."""
    differences, kernels, furthest = [], set(), 0.0
    for name, build in OPTIMIZERS.items():
        start = _network(CPU).state_dict()
        reference, _, _ = _stepped(build, CPU, torch.float64, compact=False)
        weights, mask, kernel = _stepped(build, device, torch.float32, compact=True)
        kernels.add(kernel)
        moved = sum(int((weights[key] != start[key])[~mask[key]].sum()) for key in mask)
        distance = max(float((weights[key] - reference[key]).abs().max()) for key in mask)
        furthest = max(furthest, distance)
        if moved:
            differences.append(f"{name} ({kernel}) moves {moved} frozen weights")
        if not distance <= STEP_TOLERANCE:
            differences.append(f"{name} ({kernel}): weights differ by {distance:.1e}")
    detail = f"{', '.join(OPTIMIZERS)} by {', '.join(sorted(kernels))}: within {furthest:.0e}"
    return differences, detail


def _stepped(
    build: Callable[..., torch.optim.Optimizer],
    device: torch.device,
    dtype: torch.dtype,
    *,
    compact: bool,
) -> tuple[dict[str, Tensor], dict[str, Tensor], str]:
    """Weights and mask, on the processor, after steps with drawn gradients; and what stepped."""
    model = _network(CPU).to(device, dtype)
    optimizer = build(model.parameters())
    pb = PartialBackprop(
        model, optimizer, {"name": "quantile", "q": 0.8}, start_epoch=0, compact=compact
    )
    pb.begin_epoch(0)
    for step in range(N_STEPS):
        for name, gradient in _gradients(step).items():
            parameter = model.get_parameter(name)
            parameter.grad = torch.empty_like(parameter).copy_(gradient)
        optimizer.step()
    weights = {name: value.detach().cpu() for name, value in model.named_parameters()}
    return weights, {name: active.cpu() for name, active in pb.mask.items()}, pb.kernel


def _masks(device: torch.device) -> tuple[list[str], str]:
    """Masks of every criterion against those of the same gradients in double precision."""
    differences, gradients = [], _gradients(0)
    for criterion in CRITERIA:
        reference = _mask(criterion, CPU, torch.float64)
        found = _mask(criterion, device, torch.float32)
        n_differing = 0
        for name, active in found.items():
            differs = active.cpu() != reference[name]
            if reference.threshold:
                distance = (gradients[name].abs() / reference.threshold - 1).abs()
                differs &= distance > THRESHOLD_TOLERANCE
            n_differing += int(differs.sum())
        if n_differing:
            differences.append(f"{_words(criterion)}: {n_differing} of {found.n_weights()} weights")
    return differences, f"{len(CRITERIA)} criteria on {found.n_weights():,} gradients"


def _mask(criterion: Mapping[str, Any], device: torch.device, dtype: torch.dtype) -> Mask:
    model = _network(CPU).to(device, dtype)
    optimizer = torch.optim.SGD(model.parameters(), LEARNING_RATE)
    pb = PartialBackprop(model, optimizer, criterion, start_epoch=0)
    pb.begin_epoch(0)
    for name, gradient in _gradients(0).items():
        parameter = model.get_parameter(name)
        parameter.grad = torch.empty_like(parameter).copy_(gradient)
    pb.after_backward()
    return pb.mask


def _words(criterion: Mapping[str, Any]) -> str:
    options = ", ".join(f"{key}={value}" for key, value in criterion.items() if key != "name")
    return f"{criterion['name']}({options})"


def _resume(device: torch.device) -> tuple[list[str], str]:
    """A training that was stopped and resumed against one that was not, bit for bit."""
    differences, epochs = [], 4
    for compact in (False, True):
        whole, _ = _trained(device, epochs, compact=compact)
        _, file = _trained(device, epochs // 2, compact=compact)
        resumed, _ = _trained(device, epochs, compact=compact, file=file)
        n_differing = sum(int((whole[name] != resumed[name]).sum()) for name in whole)
        if n_differing:
            n_values = sum(value.numel() for value in whole.values())
            way = "compact" if compact else "dense"
            differences.append(f"{way}: {n_differing} of {n_values} values")
    return differences, f"{epochs} epochs, stopped after {epochs // 2}: same bits"


def _trained(
    device: torch.device, epochs: int, *, compact: bool, file: bytes | None = None
) -> tuple[dict[str, Tensor], bytes]:
    """The network's state after a training, and a file to resume from."""
    model = _network(device)
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE, amsgrad=True)
    criterion = {"name": "quantile", "q": 0.8}
    pb = PartialBackprop(model, optimizer, criterion, start_epoch=1, compact=compact)
    train_state = TrainState(model, optimizer)
    parts = {"model": model, "optimizer": optimizer, "pb": pb}
    if file is not None:
        saved = torch.load(io.BytesIO(file), map_location=device, weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(saved[name])
        train_state.rows = saved["rows"]
    split = _split(device)
    fit(
        train_state,
        DeviceSplits(split, split, split),
        TrainingConfig(epochs=epochs, batch_size=40, shared_epochs=0),
        seed=0,
        hooks=Hooks(begin_epoch=pb.begin_epoch, after_backward=pb.after_backward),
    )
    written = io.BytesIO()
    states = {name: part.state_dict() for name, part in parts.items()}
    torch.save({**states, "rows": train_state.rows}, written)
    return {name: value.cpu() for name, value in model.state_dict().items()}, written.getvalue()


def _precision(device: torch.device) -> tuple[list[str], str]:
    """Gradients in each precision against those in double precision."""
    images, labels = _split(CPU).batch(slice(None))
    model = _network(CPU).double()
    F.cross_entropy(model(images.double()), labels).backward()
    reference = _all_gradients(model)
    differences, found = [], []
    for precision, tolerance in GRADIENT_TOLERANCE.items():
        if precision == "tf32" and device.type != "cuda":
            continue
        model = _network(device)
        backward(model, *_split(device).batch(slice(None)), precision)
        distance = float((_all_gradients(model) - reference).norm() / reference.norm())
        found.append(f"{precision} {distance:.0e}")
        if not distance <= tolerance:
            differences.append(f"{precision}: gradients are off by {distance:.0e} of their size")
    return differences, f"error of gradients: {', '.join(found)}"


def _all_gradients(model: nn.Module) -> Tensor:
    return torch.cat([one.grad.cpu().double().flatten() for one in model.parameters()])


def _network(device: torch.device) -> nn.Sequential:
    torch.manual_seed(0)
    depth, height, width = IMAGE_SHAPE
    model = nn.Sequential(
        nn.Conv2d(depth, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * (height // 2) * (width // 2), N_CLASSES),
    )
    return model.to(device, memory_format=torch.channels_last)


def _gradients(step: int) -> dict[str, Tensor]:
    """Heavy-tailed gradients of the network, the same for every device."""
    generator = torch.Generator().manual_seed(step)
    return {
        name: torch.randn(value.shape, generator=generator) ** 3
        for name, value in _network(CPU).named_parameters()
    }


class _Images(NamedTuple):
    images: np.ndarray
    labels: np.ndarray


def _split(device: torch.device) -> DeviceSplit:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (N_IMAGES, *IMAGE_SHAPE), dtype=np.uint8)
    labels = random.integers(0, N_CLASSES, N_IMAGES, dtype=np.int64)
    return DeviceSplit.of(_Images(images, labels), (0.5,) * 3, (0.25,) * 3, device)


CHECKS = {"kernels": _kernels, "masks": _masks, "resume": _resume, "precision": _precision}
"""Name -> check: from a device to the differences and, where there are none, what was compared."""
