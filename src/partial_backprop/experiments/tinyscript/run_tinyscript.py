"""Train with saved activations, gradients or both in few bits."""

from typing import Any

import torch
from torch import Tensor, nn

from partial_backprop.errors import UserError
from partial_backprop.experiments.tinyscript.results import (
    BITS,
    KEY,
    MagnitudeModel,
    QuantizedTraining,
)
from partial_backprop.quantization.gradients import GradientQuantizer
from partial_backprop.quantization.saved_activations import ActivationQuantizer
from partial_backprop.quantization.weibull import (
    LEVELS,
    fit,
    optimal_levels,
    rounding_variance,
    uniform_levels,
)
from partial_backprop.recipes.context import TrainingContext, build_context
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.pretrain import augmentation
from partial_backprop.recipes.run import save_run, train
from partial_backprop.run_config import RunConfig
from partial_backprop.training import history
from partial_backprop.training.loop import Hooks, backward
from partial_backprop.training.seeding import derive

_N_BINS = 40


class _Quantizers:
    """What quantizes, and what it remembers from epoch to epoch."""

    def __init__(
        self,
        seed: int,
        activations: ActivationQuantizer | None,
        gradients: GradientQuantizer | None,
    ) -> None:
        self._seed = seed
        self._parts = {"activations": activations, "gradients": gradients}
        self._parts = {name: part for name, part in self._parts.items() if part is not None}
        self.n_steps = 0

    def begin_epoch(self, epoch: int) -> None:
        for name, part in self._parts.items():
            part.begin_epoch(derive(self._seed, "quantize", name, epoch))

    def after_backward(self) -> None:
        self.n_steps += 1
        if "gradients" in self._parts:
            self._parts["gradients"].after_backward()

    def n_bytes(self, name: str) -> dict[str, int]:
        part = self._parts.get(f"{name}s")
        return {
            f"n_{name}_bytes": part.n_bytes if part else 0,
            f"n_{name}_bytes_before": part.n_bytes_before if part else 0,
        }

    def state_dict(self) -> dict[str, Any]:
        return {name: part.state_dict() for name, part in self._parts.items()} | {
            "n_steps": self.n_steps
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, part in self._parts.items():
            part.load_state_dict(state[name])
        self.n_steps = state["n_steps"]


def run(
    config: RunConfig,
    job: Job,
    *,
    # Whether to quantize at all, and to which levels
    levels: str = "weibull",
    # Bits per magnitude, from 1 to 8; the sign takes one more
    bits: int = 4,
    # Whether activations are quantized that the forward pass saves for the backward pass
    activations: bool = True,
    # Whether gradients are quantized before the optimizer's step, as if a process sent them
    gradients: bool = True,
    # Whether gradients are rounded to the nearest level and the error is added to the next ones
    error_feedback: bool = False,
    # Largest shift of the random crops, in pixels; None trains on the images as they are
    padding: int | None = None,
) -> None:
    """Leave trained weights, and the record of what was saved on the way."""
    # Source: TinyScript: see `partial_backprop.quantization.weibull`
    context = build_context(config, job)
    model = context.train_state.model
    where = f"recipe of {config.experiment}/{config.arm}"
    if levels not in ("float", *LEVELS):
        raise UserError(f"{where}: unknown levels {levels!r}: choose float, {', '.join(LEVELS)}")
    on = levels != "float"
    try:
        saved = ActivationQuantizer(bits, levels) if on and activations else None
        sent = None
        if on and gradients:
            named = dict(model.named_parameters())
            sent = GradientQuantizer(named, bits, levels, error_feedback=error_feedback)
    except ValueError as error:
        raise UserError(f"{where}: {error}") from None
    quantizers = _Quantizers(config.seed, saved, sent)
    forward = model.forward
    if saved is not None:
        model.forward = _saving(forward, saved)
    hooks = Hooks(
        begin_epoch=quantizers.begin_epoch,
        after_backward=quantizers.after_backward,
        **augmentation(context, padding),
    )
    run_checkpoint = train(config, job, context, hooks, quantizers)
    model.forward = forward
    found = QuantizedTraining(
        levels=levels,
        bits=bits,
        activations=saved is not None,
        gradients=sent is not None,
        error_feedback=error_feedback,
        n_steps=quantizers.n_steps,
        **quantizers.n_bytes("activation"),
        **quantizers.n_bytes("gradient"),
        magnitudes=_magnitudes(context, config),
    )
    save_run(
        config,
        job,
        context,
        history.selections(context.train_state.rows, context.train_state.test_correct),
        measurements={KEY: found.model_dump(mode="json")},
    )
    run_checkpoint.discard()


def _saving(forward: Any, quantizer: ActivationQuantizer) -> Any:
    def quantized(images: Tensor) -> Tensor:
        with quantizer.saving():
            return forward(images)

    return quantized


def _magnitudes(context: TrainingContext, config: RunConfig) -> tuple[MagnitudeModel, ...]:
    """Describe layers' inputs and gradients of weights, on the first training images."""
    model = context.train_state.model
    layers = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, (nn.Conv2d, nn.Linear))
    }
    inputs: dict[str, Tensor] = {}
    handles = [
        module.register_forward_pre_hook(
            lambda _, given, name=name: inputs.__setitem__(name, given[0].detach())
        )
        for name, module in layers.items()
    ]
    model.eval()  # so that the statistics of normalisations stay
    model.zero_grad(set_to_none=True)
    images, labels = context.splits.train.batch(slice(0, config.training.batch_size))
    backward(model, images, labels)
    for handle in handles:
        handle.remove()
    tensors = [
        (name, kind, tensor)
        for name, module in layers.items()
        for kind, tensor in (("activation", inputs.get(name)), ("gradient", module.weight.grad))
    ]
    model.zero_grad(set_to_none=True)
    return tuple(
        _magnitude_model(*found) for found in tensors if found[2] is not None and found[2].any()
    )


@torch.no_grad()
def _magnitude_model(layer: str, kind: str, values: Tensor) -> MagnitudeModel:
    values = values.flatten().double().cpu()
    model = fit(values)
    magnitudes = values.abs()
    positive = magnitudes[magnitudes > 0]
    largest = float(magnitudes.max())
    counts, edges = torch.histogram(positive, _N_BINS, range=(0.0, largest))
    best = [optimal_levels(model.shape, model.scale, largest, 2**bits - 1) for bits in BITS]
    return MagnitudeModel(
        layer=layer,
        kind=kind,
        n_values=len(values),
        n_zeros=model.n_zeros,
        shape=model.shape,
        scale=model.scale,
        largest=largest,
        uniform_variances=tuple(
            rounding_variance(values, uniform_levels(values, bits)) for bits in BITS
        ),
        weibull_variances=tuple(rounding_variance(values, levels) for levels in best),
        weibull_levels=tuple(tuple(levels.tolist()) for levels in best),
        bin_edges=tuple(edges.tolist()),
        bin_counts=tuple(map(int, counts.tolist())),
    )
