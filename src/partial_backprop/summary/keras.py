"""From one pass through a network to its summary in Keras' words."""

from itertools import count

from torch import nn

from partial_backprop.summary import notes, trace, vocabulary
from partial_backprop.summary.layers import Layer, Summary, Weight


def summarize(model: nn.Module, input_shape: tuple[int, ...]) -> Summary:
    """Summarise a network as Keras would.

    Parameters
    ----------
    model : nn.Module
        Any network that takes one tensor; it is left as it was.
    input_shape : tuple of int
        Shape of one example, such as (3, 32, 32).

    Returns
    -------
    Summary
        Layers in the order of their first call, in Keras' words, with the indices of their weights
        in Keras' flat list, and notes on what has no row.

    Raises
    ------
    UserError
        If the network does not take zeros of that shape.

    Notes
    -----
    Departures: Keras knows a layer's place from the graph, this function from the calls of one
    pass. Dimensions are printed channels last, as Keras has them, though PyTorch has them first.

    References
    ----------
    Seed 000, the summary.
    """
    seen = trace.run(model, tuple(input_shape))
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
        same = len(set(row.shapes)) == 1 and row.shapes[0] is not None
        layers.append(
            Layer(
                name=f"{stem}_{number}" if number else stem,
                type=kind,
                module=row.name,
                output_shape=vocabulary.keras_shape(module, row.shapes[0]) if same else None,
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
