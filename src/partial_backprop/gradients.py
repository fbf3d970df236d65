"""Gradients after the warm-up epochs, as figures draw them: ``gradients.json``."""

from pathlib import Path
from typing import Literal

import pydantic

from partial_backprop.errors import UserError
from partial_backprop.record import DataFacts, NetworkFacts
from partial_backprop.run_config import StrictModel


class LayerGradients(StrictModel):
    """Gradients of one parameter tensor on the batch that makes the mask."""

    name: str
    """Parameter name, as in ``model.named_parameters()``."""
    convolution: int | None
    """Position among the network's convolutions from 1, in forward order; None for anything else."""
    n_weights: int
    n_natural_zeros: int
    edges: tuple[float, ...]
    """Bin edges over raw signed gradients, symmetric about 0, covering all of them."""
    counts: tuple[int, ...]
    """Weights per bin, the natural zeros left out."""


class GradientDensity(StrictModel):
    """Density of all non-zero gradient magnitudes of a network, and the thresholds upon it."""

    grid: tuple[float, ...]
    """Raw gradient magnitudes, increasing."""
    density: tuple[float, ...]
    """Estimated density at each, per unit of raw magnitude (equation 1 of pb2020)."""
    low: float
    high: float
    """Ends of the high-likelihood range G_n."""
    otsu: float
    """Raw threshold from equations 2 and 3."""
    tweaked: float
    """Raw threshold of the arm ``pb``."""
    share_below_otsu: float
    """Share of all weights, natural zeros included, with magnitude <= otsu."""
    share_below_tweaked: float
    """The same for the tweaked threshold."""


class GradientSample(StrictModel):
    """What figure 2 and the density figure draw: gradients after Ω epochs, before the mask."""

    schema_version: Literal[1] = 1
    experiment: str
    seed: int
    """Seed of the warm-up checkpoint."""
    scale: str
    config_sha256: str
    """Hash of the warm-up checkpoint's configuration."""
    epochs: int
    """Epochs trained before the gradients were taken: Ω."""
    learning_rate: float
    """The paper's units are raw gradients divided by this."""
    data: DataFacts
    network: NetworkFacts
    layers: tuple[LayerGradients, ...]
    density: GradientDensity


def read(path: Path) -> GradientSample:
    """Read and check a gradient sample."""
    try:
        return GradientSample.model_validate_json(path.read_bytes())
    except (OSError, pydantic.ValidationError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(
            f"{path} is missing or damaged ({reason}): delete it and run it again"
        ) from None
