"""What the rows of a summary do not show, in one sentence each."""

from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from partial_backprop.summary.layers import Layer
from partial_backprop.summary.vocabulary import own_weights
from partial_backprop.summary.watch import Trace, layers_of

_SHOWN = 3


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def collect(model: nn.Module, seen: Trace, layers: Sequence[Layer]) -> tuple[str, ...]:
    """Say what the rows do not show."""
    names = {module: layer.name for module, layer in zip(seen.called, layers, strict=True)}
    found = [
        _functions(seen, names),
        _repeated(seen, names),
        _tied(layers),
        _never_called(model, seen),
        _outside(model, seen),
        _shapeless(seen, names),
        _in_torchs_order(seen, names),
    ]
    return tuple(note for note in found if note)


def _functions(seen: Trace, names: dict[nn.Module, str]) -> str:
    places = [names.get(module, type(module).__name__) for module in seen.after_functions]
    places = [f"before {_some(places)}"] if places else []
    places += ["at the output"] if seen.output_is_computed else []
    if not places:
        return ""
    return (
        f"Functions that the network calls outside its layers have no row: {', and '.join(places)}."
    )


def _repeated(seen: Trace, names: dict[nn.Module, str]) -> str:
    calls = [(names[module], len(row.shapes)) for module, row in seen.called.items()]
    often = [f"{name} {n} times" for name, n in calls if n > 1]
    return f"Called more than once, and counted once: {_some(often)}." if often else ""


def _tied(layers: Iterable[Layer]) -> str:
    owner: dict[int, str] = {}
    tied = []
    for layer in layers:
        for weight in layer.weights:
            first = owner.setdefault(weight.index, layer.name)
            if first != layer.name:
                tied.append(f"{layer.name} has the {weight.role} of {first}")
    return f"Shared weights are counted once in the totals: {_some(tied)}." if tied else ""


def _silent(model: nn.Module, seen: Trace) -> dict[nn.Module, str]:
    """Find the layers that were not called, not even as a part of one that was."""
    parts = {part for module in seen.called for part in module.modules()} | seen.folded
    return {module: name for module, name in layers_of(model).items() if module not in parts}


def _unseen(weights: Iterable[tuple[str, str, Tensor]], seen: Trace) -> dict[int, tuple[str, int]]:
    """Name the weights that have no row, each once, with their sizes."""
    shown = {id(one) for module in seen.called for _, _, one in own_weights(module)}
    return {id(one): (name, one.numel()) for name, _, one in weights if id(one) not in shown}


def _never_called(model: nn.Module, seen: Trace) -> str:
    silent = _silent(model, seen)
    weights = [found for module in silent for found in own_weights(module)]
    n_entries = sum(n for _, n in _unseen(weights, seen).values())
    if not silent:
        return ""
    more = f"; their {n_entries:,} weights are in the totals" if n_entries else ""
    return f"Never called with this input, and without a row: {_some(list(silent.values()))}{more}."


def _outside(model: nn.Module, seen: Trace) -> str:
    silent = {id(one) for module in _silent(model, seen) for _, _, one in own_weights(module)}
    found = _unseen(own_weights(model), seen)
    listed = [f"{name} ({n:,})" for key, (name, n) in found.items() if key not in silent]
    if not listed:
        return ""
    return f"Outside any layer, without a row or an index, but in the totals: {_some(listed)}."


def _shapeless(seen: Trace, names: dict[nn.Module, str]) -> str:
    found = [names[module] for module, row in seen.called.items() if None in row.shapes]
    return f"No single tensor comes out of {_some(found)}." if found else ""


def _in_torchs_order(seen: Trace, names: dict[nn.Module, str]) -> str:
    found = [
        names[module]
        for module, row in seen.called.items()
        if any(
            shape is not None and len(shape) > 2 and axis is None
            for shape, axis in zip(row.shapes, row.axes, strict=True)
        )
    ]
    return f"In torch's order, since nothing tells their channels: {_some(found)}." if found else ""
