"""Count what was frozen, what had no gradient anyway, and what has not moved."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from partial_backprop.freezing.strict import bits
from partial_backprop.freezing_report import FreezingReport, LayerFreezing, MadeMask, MaskedLayer
from partial_backprop.mask import Mask


def zero_gradients(gradients: Mapping[str, Tensor]) -> dict[str, int]:
    """Count the gradients that are exactly 0 by themselves."""
    return {name: int((gradient == 0).sum()) for name, gradient in gradients.items()}


def made(epoch: int, mask: Mask, n_natural_zeros: Mapping[str, int]) -> MadeMask:
    """Count what a mask freezes, at its making."""
    layers = tuple(
        MaskedLayer(
            name=name,
            n_weights=active.numel(),
            n_mask_zeros=active.numel() - int(active.sum()),
            n_natural_zeros=n_natural_zeros[name],
        )
        for name, active in mask.items()
    )
    return MadeMask(epoch=epoch, threshold=mask.threshold, layers=layers)


def unchanged(values: Tensor, before: Tensor) -> int:
    """Count the values that equal earlier ones, bit for bit."""
    return int((bits(values) == bits(before)).sum())


def drift(values: Tensor, before: Tensor, active: Tensor) -> tuple[float, float]:
    """Measure how far frozen values have gone: the sum of the distances, and the largest."""
    wide = torch.promote_types(values.dtype, torch.float64)  # of complex numbers: complex
    way = (values.detach().to(wide) - before.to(wide)).abs().masked_fill_(active, 0.0)
    return (float(way.sum()), float(way.max())) if way.numel() else (0.0, 0.0)


def layer(name: str, values: Tensor, before: Tensor, active: Tensor, n_zeros: int) -> LayerFreezing:
    """Gather the counts of one parameter tensor."""
    sum_abs, max_abs = drift(values, before, active)
    return LayerFreezing(
        name=name,
        n_weights=active.numel(),
        n_mask_zeros=active.numel() - int(active.sum()),
        n_natural_zeros=n_zeros,
        n_unmoved=unchanged(values, before),
        drift_sum_abs=sum_abs,
        drift_max_abs=max_abs,
    )


def report_unmasked(
    model: nn.Module, anchor: Mapping[str, Tensor], gradients: Mapping[str, Tensor]
) -> FreezingReport:
    """Report for full backpropagation what is counted for partial backpropagation.

    Parameters
    ----------
    model : nn.Module
        The trained network.
    anchor : mapping of str to Tensor
        Its parameters' values at the batch on which a mask would have been made.
    gradients : mapping of str to Tensor
        Its gradients on that batch; parameters without one are left out, as they are of a mask.

    Returns
    -------
    FreezingReport
        Gradients that are 0 and values that are unchanged; nothing masked.

    Raises
    ------
    ValueError
        If `gradients` has a name that is no parameter of the network or of the anchor.
    """
    values = dict(model.named_parameters())
    unknown = sorted(gradients.keys() - (values.keys() & anchor.keys()))
    if unknown:
        raise ValueError(f"gradients of {', '.join(unknown)} belong to no parameter of the network")
    n_zeros = zero_gradients(gradients)
    layers = tuple(
        layer(
            name,
            values[name],
            anchor[name].to(values[name].device),
            torch.ones_like(g, dtype=torch.bool),
            n_zeros[name],
        )
        for name, g in gradients.items()
    )
    return FreezingReport(threshold=None, masked_at_epochs=(), layers=layers)


def table(report: FreezingReport, mode: str) -> str:
    """Lay out a report for a reader."""
    n_weights, n_frozen = report.total("n_weights"), report.total("n_mask_zeros")
    epochs = ", ".join(str(epoch) for epoch in report.masked_at_epochs)
    head = (
        f"PartialBackprop ({mode}): {n_frozen:,} of {n_weights:,} weights frozen "
        f"({n_frozen / n_weights:.1%}), mask of epoch {epochs}"
    )
    if report.threshold is not None:
        head += f", |gradient| threshold {report.threshold:.4g}"
    fields = ("n_weights", "n_mask_zeros", "n_natural_zeros", "n_unmoved")
    rows: list[tuple[str, ...]] = [
        ("parameter", "weights", "frozen", "zero gradients", "unchanged", "largest drift")
    ]
    for one in report.layers:
        cells = [f"{getattr(one, field):,}" for field in fields]
        rows.append((one.name, *cells, f"{one.drift_max_abs:.3g}"))
    furthest = max(one.drift_max_abs for one in report.layers)
    rows.append(("all", *(f"{report.total(field):,}" for field in fields), f"{furthest:.3g}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
    return "\n".join([head, *lines])
