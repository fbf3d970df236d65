"""The network of the plain loop under Lightning's Trainer."""

import contextlib
import logging
import warnings

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule, Trainer
from tests.integrations import plain

from partial_backprop.integrations.lightning import PartialBackpropCallback

for name in ("lightning.pytorch", "lightning.fabric"):
    logging.getLogger(name).setLevel(logging.ERROR)


class Module(LightningModule):
    def __init__(self, build=plain.adam, seed: int = 0) -> None:
        super().__init__()
        self.network, self.build = plain.network(seed), build

    def configure_optimizers(self):
        return self.build(self.network)

    def training_step(self, batch, index):
        x, y = batch
        return F.cross_entropy(self.network(x.to(next(self.parameters()).dtype)), y)


class Manual(Module):
    """Steps by hand."""

    automatic_optimization = False

    def training_step(self, batch, index):
        optimizer = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward(super().training_step(batch, index))
        optimizer.step()


class ManualByClosure(Module):
    """Steps by hand, with a closure."""

    automatic_optimization = False

    def training_step(self, batch, index):
        optimizer = self.optimizers()

        def closure():
            optimizer.zero_grad()
            self.manual_backward(Module.training_step(self, batch, index))

        optimizer.step(closure)


class Skipping(Module):
    """Leaves out the first batch of an epoch."""

    def training_step(self, batch, index):
        return super().training_step(batch, index) if index else None


class TwoOptimizers(Module):
    """One optimizer for the first layer, one for the rest."""

    automatic_optimization = False

    def configure_optimizers(self):
        first, *rest = self.network
        rest = torch.nn.Sequential(*rest)
        return self.build(first), self.build(rest)

    def training_step(self, batch, index):
        optimizers = self.optimizers()
        for optimizer in optimizers:
            optimizer.zero_grad()
        self.manual_backward(super().training_step(batch, index))
        for optimizer in optimizers:
            optimizer.step()


class Loader:
    """The plain loop's batches, and the place among them: without it Lightning goes on from the first."""

    def __init__(self, part: slice = slice(None)) -> None:
        self.part, self.n_given = part, 0

    def __len__(self) -> int:
        return plain.N_BATCHES

    def __iter__(self):
        for x, y in plain.batches()[self.n_given :]:
            self.n_given = (self.n_given + 1) % plain.N_BATCHES
            yield x[self.part], y[self.part]

    def state_dict(self) -> dict[str, int]:
        return {"n_given": self.n_given}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.n_given = state["n_given"]


def trainer(callbacks, folder, epochs: int = 4, **options) -> Trainer:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    where = {"accelerator": "cpu", "devices": 1, "default_root_dir": folder}
    return Trainer(callbacks=callbacks, max_epochs=epochs, **{**quiet, **where, **options})


def fit(module, folder, epochs: int = 4, ckpt_path=None, pb=plain.OPTIONS, **options):
    """Train; return the network and its PartialBackprop, and the Trainer."""
    options = {"enable_checkpointing": False, **options}
    part = options.pop("part", slice(None))
    callback = PartialBackpropCallback(**pb)
    made = trainer([callback, *options.pop("callbacks", [])], folder, epochs, **options)
    fit_quietly(made, module, ckpt_path, part)
    return module.network, callback.pb, made


def fit_quietly(made, module, ckpt_path=None, part: slice = slice(None)) -> None:
    loader = Loader(part)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # ours; Lightning's are about this machine and this size
        warnings.filterwarnings("ignore", module="lightning|torch|multiprocessing")
        made.fit(module, loader, ckpt_path=ckpt_path)


@contextlib.contextmanager
def half_precision():
    with torch.autocast("cpu", dtype=torch.half, cache_enabled=False):
        yield


@contextlib.contextmanager
def bfloat16():
    with torch.autocast("cpu", dtype=torch.bfloat16, cache_enabled=False):
        yield
