"""The network of the plain loop in a loop with Accelerate, in one process or several."""

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState, PartialState
from tests.integrations import plain

from partial_backprop.integrations.accelerate import attach


def forget() -> None:
    """Accelerate keeps its settings for the life of a process."""
    for kind in (AcceleratorState, GradientState, PartialState):
        kind._reset_state()


def start(pb=plain.OPTIONS, build=plain.adam, seed: int = 0, network=plain.network, **options):
    """Prepare; return what takes part in the training."""
    forget()
    accelerator = Accelerator(cpu=True, **options)
    model = network(seed)
    loader = torch.utils.data.DataLoader(plain.data(), batch_size=16)
    prepared = accelerator.prepare(model, build(model), loader)
    return accelerator, *prepared, attach(accelerator, *prepared[:2], **pb)


def train(accelerator, model, optimizer, loader, pb, epochs, max_norm: float | None = None):
    for epoch in epochs:
        pb.begin_epoch(epoch)
        for x, y in loader:
            with accelerator.accumulate(model):
                with accelerator.autocast():
                    loss = F.cross_entropy(model(x.to(model_type(model))), y)
                accelerator.backward(loss)
                if max_norm is not None and accelerator.sync_gradients:
                    accelerator.unscale_gradients()
                    pb.after_backward()
                    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)
                optimizer.step()
                optimizer.zero_grad()


def model_type(model) -> torch.dtype:
    return next(model.parameters()).dtype
