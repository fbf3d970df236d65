"""Fine-tune public weights on other images, with an optimizer's state of active weights alone."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from partial_backprop.captioning import published
from partial_backprop.errors import UserError
from partial_backprop.experiments.finetuning.results import KEY, FineTuning
from partial_backprop.freezing.partial_backprop import PartialBackprop
from partial_backprop.recipes.context import build_context
from partial_backprop.recipes.freeze import hooks, partial_backprop
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.run import save_run, train
from partial_backprop.recipes.start import load_weights
from partial_backprop.recipes.step_meter import state_bytes
from partial_backprop.run_config import RunConfig
from partial_backprop.storage import safetensors
from partial_backprop.storage.delta import apply_delta
from partial_backprop.training import history
from partial_backprop.training.batches import DeviceSplit
from partial_backprop.training.loop import DeviceSplits

DELTA = "delta.safetensors"
"""File beside the record with what the training changed."""

_CHUNK = 500


class _PeakMemory:
    """Peak resident memory of the process in the first epoch and in later ones, as Linux tells it."""

    def __init__(self) -> None:
        self._peaks: dict[str, int] = {}
        self._epoch = -1

    def begin_epoch(self, epoch: int) -> None:
        self._epoch = epoch
        try:  # begins anew: what was evaluated between epochs does not count
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        except OSError:
            self._epoch = -1

    def after_step(self) -> None:
        if self._epoch < 0:
            return
        text = Path("/proc/self/status").read_text(encoding="ascii")
        peak = int(text.split("VmHWM:")[1].split()[0]) * 1024
        part = "with_mask" if self._epoch == 0 else "later"
        self._peaks[part] = max(peak, self._peaks.get(part, 0))

    def of(self, part: str) -> int | None:
        return self._peaks.get(part)


def run(
    config: RunConfig,
    job: Job,
    *,
    # Begin with the network's public weights, but for the head, or with "none", drawn at random
    weights: str = "published",
    # Side in pixels to which images are scaled
    side: int | None = None,
    # How the names of the parameters begin of the head, which has other classes
    head: str = "_fc.",
) -> None:
    """Leave the fine-tuned weights, a delta file of those that trained, and the record."""
    if weights not in ("published", "none"):
        raise UserError(
            f"recipe of {config.experiment}/{config.arm}: unknown weights {weights!r}: choose published or "
            "none"
        )
    context = build_context(config, job)
    path = public = None
    if weights == "published":
        path, public = published.find(config.network["name"])
        _load(context.train_state.model, path, head)
    context = replace(context, splits=_prepared(context.splits, public, side))
    model, optimizer = context.train_state.model, context.train_state.optimizer
    base = copy.deepcopy(model)
    pb = partial_backprop(context.train_state, config, compact=True)
    memory = _PeakMemory()
    of_method = hooks(pb)

    def begin_epoch(epoch: int) -> None:
        of_method.begin_epoch(epoch)
        # Statistics of so few images would be poor, and would be in the delta file beside the weights.
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        memory.begin_epoch(epoch)

    own = replace(of_method, begin_epoch=begin_epoch, after_step=memory.after_step)
    run_checkpoint = train(config, job, context, own, pb)
    n_weights = sum(parameter.numel() for parameter in model.parameters())
    n_file_bytes, is_exact = _files(job, base, model, pb)
    found = FineTuning(
        weights=public.file if public else None,
        weights_sha256=published.sha256(path) if path else None,
        side=side,
        n_weights=n_weights,
        n_active=n_weights - (pb.mask.n_frozen() if pb else 0),
        n_state_bytes=sum(state_bytes(optimizer).values()),
        n_position_bytes=pb.position_bytes if pb else 0,
        n_file_bytes=n_file_bytes,
        n_peak_bytes_with_mask=memory.of("with_mask"),
        n_peak_bytes=memory.of("later"),
        delta_is_exact=is_exact,
    )
    selections = history.selections(context.train_state.rows, context.train_state.test_correct)
    save_run(
        config,
        job,
        context,
        selections,
        freezing=pb.report() if pb else None,
        measurements={KEY: found.model_dump(mode="json")},
    )
    run_checkpoint.discard()


def _load(model: nn.Module, path: Path, head: str) -> None:
    """Load all weights but the head's, which stays as it was drawn."""
    own = {name: value for name, value in model.state_dict().items() if name.startswith(head)}
    load_weights(model, path, instead=own)


def _prepared(
    splits: DeviceSplits, public: published.Published | None, side: int | None
) -> DeviceSplits:
    parts = (splits.train, splits.validation, splits.test)
    return DeviceSplits(*(part and _part(part, public, side) for part in parts))


def _part(split: DeviceSplit, public: published.Published | None, side: int | None) -> DeviceSplit:
    if side is not None:
        scaled = [
            F.interpolate(chunk.float(), (side, side), mode="bilinear", antialias=True)
            for chunk in split.images.split(_CHUNK)
        ]
        images = torch.cat([chunk.round().clamp(0, 255).byte() for chunk in scaled])
        split = replace(split, images=images.contiguous(memory_format=torch.channels_last))
    if public is not None:
        mean, std = (
            torch.tensor(values, device=split.shift.device).view(1, -1, 1, 1)
            for values in (public.mean, public.std)
        )
        split = replace(split, scale=1 / (255 * std), shift=-mean / std)
    return split


def _files(
    job: Job, base: nn.Module, model: nn.Module, pb: PartialBackprop | None
) -> tuple[int, bool | None]:
    """Write the delta file and try it; without a mask count the bytes of all weights."""
    if pb is None:
        return len(safetensors.to_bytes(model.state_dict(), {})), None
    path = job.out / DELTA
    pb.save_delta(path)
    apply_delta(base, path)
    return path.stat().st_size, all(
        torch.equal(one, other) for one, other in zip(_tensors(base), _tensors(model), strict=True)
    )


def _tensors(model: nn.Module) -> Iterator[Tensor]:
    yield from model.state_dict().values()
