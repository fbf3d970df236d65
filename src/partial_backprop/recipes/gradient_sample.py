"""Histograms and density of the gradients that the mask is made from (pb2020, figure 2)."""

import json
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from partial_backprop.errors import UserError
from partial_backprop.files import write_atomically
from partial_backprop.freezing.otsu import otsu_kde
from partial_backprop.gradients import GradientDensity, GradientSample, LayerGradients
from partial_backprop.recipes.context import build_context
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.mask_gradients import first_gradients
from partial_backprop.run_config import RunConfig

N_BINS = 101


def measure(
    config: RunConfig, tweaked: float, otsu_options: Mapping[str, object], job: Job
) -> None:
    """Measure the gradients after the warm-up epochs and leave ``gradients.json``."""
    context = build_context(config, job)
    gradients = first_gradients(context, config)
    convolutions = _convolutions(context.train_state.model)
    sample = GradientSample(
        experiment=config.experiment,
        seed=config.seed,
        scale=config.scale,
        config_sha256=config.sha256(),
        epochs=config.training.epochs,
        learning_rate=config.training.optimizer.learning_rate,
        data=context.data,
        network=context.network,
        layers=tuple(
            _layer(name, convolutions.get(name), gradient) for name, gradient in gradients.items()
        ),
        density=_density(gradients, tweaked, otsu_options),
    )
    text = json.dumps(sample.model_dump(mode="json"), allow_nan=False)
    write_atomically(job.out / "gradients.json", (text + "\n").encode())


def _convolutions(model: nn.Module) -> dict[str, int]:
    names = [
        f"{name}.weight" for name, module in model.named_modules() if isinstance(module, nn.Conv2d)
    ]
    return {name: position for position, name in enumerate(names, start=1)}


def _layer(name: str, convolution: int | None, gradient: Tensor) -> LayerGradients:
    values = gradient.detach().double().flatten().cpu()
    bound = float(values.abs().max()) or 1.0
    counts = torch.histc(values[values != 0], bins=N_BINS, min=-bound, max=bound)
    return LayerGradients(
        name=name,
        convolution=convolution,
        n_weights=values.numel(),
        n_natural_zeros=int((values == 0).sum()),
        edges=tuple(torch.linspace(-bound, bound, N_BINS + 1, dtype=torch.float64).tolist()),
        counts=tuple(int(count) for count in counts),
    )


def _density(
    gradients: Mapping[str, Tensor], tweaked: float, otsu_options: Mapping[str, object]
) -> GradientDensity:
    magnitudes = torch.cat([gradient.detach().abs().flatten() for gradient in gradients.values()])
    try:
        estimate = otsu_kde(magnitudes, **otsu_options)
    except ValueError as error:
        raise UserError(f"no density can be drawn: {error}") from None

    def share_up_to(threshold: float) -> float:
        return float((magnitudes <= threshold).double().mean())

    return GradientDensity(
        grid=tuple(float(value) for value in estimate.grid),
        density=tuple(float(value) for value in estimate.density),
        low=float(estimate.low),
        high=float(estimate.high),
        otsu=float(estimate.threshold),
        tweaked=tweaked,
        share_below_otsu=share_up_to(estimate.threshold),
        share_below_tweaked=share_up_to(tweaked),
    )
