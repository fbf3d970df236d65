"""From one pass through a network to its summary in Keras' words."""

from collections.abc import Sequence
from itertools import count

import torch
from torch import nn

from partial_backprop.summary import notes, trace, vocabulary
from partial_backprop.summary.layers import Layer, Summary, Weight


def summarize(
    model: nn.Module,
    *input_shapes: tuple[int, ...],
    dtypes: Sequence[torch.dtype | None] = (),
) -> Summary:
    """Summarise a network as Keras would.

    Parameters
    ----------
    model : nn.Module
        Any network that takes tensors; it is left as it was. Of a compiled one, what was compiled.
    *input_shapes : tuple of int
        Shape of one example of each input, such as (3, 32, 32).
    dtypes : sequence of (torch.dtype or None)
        Type of each input, such as ``torch.int64`` for indices; None, and whatever is missing, is the type
        of the network's first weight.

    Returns
    -------
    Summary
        Layers in the order of their first call, in Keras' words, with the indices of their weights
        in Keras' flat list, and notes on what has no row.

    Raises
    ------
    UserError
        If the network is TorchScript or does not take zeros of these shapes.

    Notes
    -----
    Departures: Keras knows a layer's place from the graph, this function from the calls of one
    pass. Dimensions are printed channels last, as Keras has them, wherever the axis of the channels
    could be followed through all functions of the pass; else in torch's order, and a note says where.

    References
    ----------
    gradient_notes, the summary.
    """
    model = getattr(model, "_orig_mod", model)
    seen = trace.run(model, input_shapes, dtypes)
    indices: dict[int, int] = {}
    numbers: dict[str, count] = {}
    layers = []
    for module, row in seen.called.items():
        kind = vocabulary.type_name(module)
        stem = vocabulary.snake_case(kind)
        number = next(numbers.setdefault(stem, count()))
        weights = tuple(
            Weight(
                index=indices.setdefault(id(tensor), len(indices)),
                name=f"{row.name}.{name}" if row.name else name,
                role=role,
                n_entries=tensor.numel(),
                trainable=tensor.requires_grad,
            )
            for name, role, tensor in vocabulary.own_weights(module)
        )
        same = len(set(zip(row.shapes, row.axes, strict=True))) == 1 and row.shapes[0] is not None
        layers.append(
            Layer(
                name=f"{stem}_{number}" if number else stem,
                type=kind,
                module=row.name,
                output_shape=vocabulary.keras_shape(row.shapes[0], row.axes[0]) if same else None,
                weights=weights,
                activation=row.activation,
            )
        )
    n_trainable, n_fixed = _totals(model)
    name = vocabulary.snake_case(type(model).__name__)
    return Summary(name, tuple(layers), n_trainable, n_fixed, notes.collect(model, seen, layers))


def _totals(model: nn.Module) -> tuple[int, int]:
    """Count entries of all weights, trainable and not, each tensor once."""
    found = {id(tensor): tensor for _, _, tensor in vocabulary.own_weights(model)}
    sizes = [(tensor.numel(), tensor.requires_grad) for tensor in found.values()]
    return sum(n for n, yes in sizes if yes), sum(n for n, yes in sizes if not yes)
