"""A step's closure: run before the mask is made, once."""

from collections.abc import Mapping
from typing import Any

import torch

from partial_backprop.errors import UserError


class ClosureResult:
    """A closure's result in its place, for an optimizer that asks once, before it moves anything."""

    # Otherwise it expects new gradients, which would come after the mask.

    def __init__(self, optimizer: torch.optim.Optimizer, loss: Any) -> None:
        self._optimizer, self._loss = optimizer, loss
        self._expected: list[tuple[int, int, int]] | None = None

    def expect_call(self) -> None:
        """Note values and gradients as the step is to find them."""
        self._expected = self._values()

    def __call__(self) -> Any:
        """Return the loss."""
        if self._expected is None or self._expected != self._values():
            raise UserError(
                f"{type(self._optimizer).__name__} computes new gradients in the middle of its step, after "
                "the mask: use an optimizer that calls its closure once, at the beginning"
            )
        self._expected = None
        return self._loss

    def _values(self) -> list[tuple[int, int, int]]:
        groups = self._optimizer.param_groups
        return [(id(p), p._version, id(p.grad)) for group in groups for p in group["params"]]


def run_closure(
    optimizer: torch.optim.Optimizer, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[ClosureResult | None, tuple[Any, ...], dict[str, Any]]:
    """Run the closure of a step; return its result, and the arguments with the result in its place."""
    first = next((argument for argument in args if argument is not optimizer), None)
    closure = kwargs.get("closure", first)
    if not callable(closure):
        return None, args, dict(kwargs)
    with torch.enable_grad():
        result = ClosureResult(optimizer, closure())
    replaced = tuple(result if argument is closure else argument for argument in args)
    named = {key: result if value is closure else value for key, value in kwargs.items()}
    return result, replaced, named
