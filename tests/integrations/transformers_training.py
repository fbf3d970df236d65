"""Networks under the Trainer of Transformers."""

import warnings

import torch
import torch.nn.functional as F
import transformers
from tests.integrations import plain
from torch import nn
from transformers import Trainer, TrainingArguments

from partial_backprop.integrations.transformers import PartialBackpropCallback

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()


class Module(nn.Module):
    """The plain loop's network in the form that the Trainer asks for."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.network = plain.network(seed)

    def forward(self, x, labels):
        logits = self.network(x.to(next(self.parameters()).dtype))
        return {"loss": F.cross_entropy(logits, labels), "logits": logits}


def language_model(seed: int = 0) -> nn.Module:
    """GPT-2 of 2 layers, without dropout; input and output embeddings are tied."""
    torch.manual_seed(seed)
    sizes = {"n_layer": 2, "n_head": 2, "n_embd": 32, "vocab_size": 50, "n_positions": 16}
    rates = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes, **rates))


def sentences() -> list[dict[str, torch.Tensor]]:
    tokens = torch.randint(0, 50, (40, 12), generator=torch.Generator().manual_seed(0))
    return [{"input_ids": row, "labels": row} for row in tokens]


def pictures() -> list[dict[str, torch.Tensor]]:
    return [{"x": x, "labels": y} for x, y in plain.data()]


def arguments(folder, epochs: int = 4, **options) -> TrainingArguments:
    quiet = {"report_to": "none", "disable_tqdm": True, "save_strategy": "no", "use_cpu": True}
    return TrainingArguments(
        folder,
        num_train_epochs=epochs,
        per_device_train_batch_size=options.pop("batch_size", 16),
        train_sampling_strategy="sequential",
        max_grad_norm=options.pop("max_grad_norm", 0.0),
        **{**quiet, **options},
    )


def fit(
    model, folder, data, epochs: int = 4, pb=plain.OPTIONS, build=plain.adam, resume=None, **options
):
    """Train; return the PartialBackprop and the Trainer."""
    callback = PartialBackpropCallback(**pb)
    optimizer = build(model)
    constant = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    trainer = Trainer(
        model=model,
        args=arguments(folder, epochs, **options),
        train_dataset=data,
        callbacks=[callback],
        optimizers=(optimizer, constant),
    )
    fit_quietly(trainer, resume)
    return callback.pb, trainer


def fit_quietly(trainer, resume=None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module="transformers|accelerate|torch")
        trainer.train(resume_from_checkpoint=resume)
