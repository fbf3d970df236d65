"""Run a network once on zeros, watched, and leave it as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from partial_backprop.errors import UserError
from partial_backprop.summary.watch import Trace, Watch, tensors


@contextmanager
def _as_it_was(model: nn.Module) -> Iterator[None]:
    """Evaluate, and afterwards leave mode, buffers and random numbers as they were."""
    modes = {module: module.training for module in model.modules()}
    buffers = [
        (module, name, buffer, buffer.detach().clone())
        for module in model.modules()
        for name, buffer in module.named_buffers(recurse=False)
    ]
    try:
        # With gradients: without them torch's transformers take a path that calls no layer.
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            model.eval()
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        with torch.no_grad():
            for module, name, buffer, value in buffers:
                module._buffers[name] = buffer.copy_(value)


def run(model: nn.Module, input_shape: tuple[int, ...]) -> Trace:
    """Run a network once and watch its layers.

    Parameters
    ----------
    model : nn.Module
        The network; its mode, buffers and hooks are afterwards what they were.
    input_shape : tuple of int
        Shape of one example.

    Returns
    -------
    Trace
        What was seen.

    Raises
    ------
    UserError
        If the network does not take zeros of that shape.
    """
    if any(isinstance(one, nn.parameter.UninitializedParameter) for one in model.parameters()):
        raise UserError("the network has lazy layers without weights: run it once on real data")
    first = next((one for one in model.parameters() if one.is_floating_point()), torch.zeros(1))
    example = torch.zeros(1, *input_shape, dtype=first.dtype, device=first.device)
    watch = Watch(model, example)
    hooks = watch.hooks()
    try:
        with _as_it_was(model):
            output = model(example)
    except Exception as error:  # whatever a user's own network may raise
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(
            f"the network does not run on zeros of shape {tuple(example.shape)} ({reason}): give the "
            "shape of one example with --image-shape; it must take one floating-point tensor"
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    watch.trace.output_is_computed = watch.is_new(tensors(output))
    return watch.trace
