"""Run a network once on zeros, watched, and leave it as it was."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest

import torch
from torch import nn

from partial_backprop.errors import UserError
from partial_backprop.summary.layouts import Layouts, tensors
from partial_backprop.summary.watch import Trace, Watch


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


def run(
    model: nn.Module,
    input_shapes: Sequence[tuple[int, ...]],
    dtypes: Sequence[torch.dtype | None] = (),
) -> Trace:
    """Run a network once and watch its layers."""
    for name, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise UserError(
                f"{name or 'the network'} is TorchScript, whose layers cannot be watched: give the module "
                "that it was made of"
            )
    if any(isinstance(one, nn.parameter.UninitializedParameter) for one in model.parameters()):
        raise UserError("the network has lazy layers without weights: run it once on real data")
    first = next((one for one in model.parameters() if one.is_floating_point()), torch.zeros(1))
    examples = [
        torch.zeros(1, *shape, dtype=dtype or first.dtype, device=first.device)
        for shape, dtype in zip_longest(input_shapes, dtypes)
    ]
    layouts = Layouts(examples)
    watch = Watch(model, examples, layouts)
    hooks = watch.hooks()
    try:
        with _as_it_was(model), layouts:
            output = model(*examples)
    except Exception as error:  # whatever a user's own network may raise
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        shapes = ", ".join(f"{tuple(one.shape)} and type {one.dtype}" for one in examples)
        raise UserError(
            f"the network does not run on zeros of shape {shapes} ({reason}): give shape and type of one "
            "example of each input with --image-shape, as in 3,32,32 or 128:int64"
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    watch.trace.output_is_computed = watch.is_new(tensors(output))
    return watch.trace
