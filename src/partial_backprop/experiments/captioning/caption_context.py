"""What a captioning run begins with: captions, features of the images, a decoder."""

from dataclasses import dataclass
from typing import Any

import torch

from partial_backprop import registry
from partial_backprop.captioning import features
from partial_backprop.captioning.batches import CaptionSplit
from partial_backprop.captioning.best import Best
from partial_backprop.captioning.decoder import Decoder
from partial_backprop.captioning.features import FeatureReport
from partial_backprop.captioning.loop import CaptionSplits
from partial_backprop.captioning.vocabulary import Vocabulary
from partial_backprop.data.captioned import Images, load_captioned
from partial_backprop.errors import UserError
from partial_backprop.recipes.context import restore, state
from partial_backprop.recipes.job import Job
from partial_backprop.record import DataFacts, NetworkFacts
from partial_backprop.run_config import RunConfig
from partial_backprop.training import checkpoint, optimizers
from partial_backprop.training.loop import TrainState
from partial_backprop.training.seeding import derive

NETWORK = "attention_lstm"
"""Name of the decoder in records."""

SIZES = ("embedding", "hidden", "attention")
"""Options that make a decoder the source's or a reduced one."""


@dataclass(frozen=True, eq=False)
class CaptionContext:
    """Captions and a decoder to train on them."""

    splits: CaptionSplits  # captions with the features of their images
    images: Images  # the test images
    features: FeatureReport  # which encoder computed the features
    # data, network: what the record says of the data and the decoder
    data: DataFacts
    network: NetworkFacts
    train_state: TrainState  # the decoder with its optimizer: new, or of the warm-up checkpoint
    best: Best  # the weights of its best epoch so far


def build_context(config: RunConfig, job: Job) -> CaptionContext:
    """Load captions and features, and build the decoder."""
    options = config.recipe
    splits = load_captioned(config.data, job.data_root, config.seed)
    found = features.read(job.features, splits.facts)
    try:
        vocabulary = Vocabulary.of(
            (caption for captions in splits.train.captions for caption in captions),
            options["min_count"],
        )
    except ValueError as error:
        raise UserError(
            f"recipe of {config.experiment}/{config.arm}: {error}: lower min_count"
        ) from None
    parts = (
        CaptionSplit.of(
            getattr(found, part),
            getattr(splits, part).captions,
            vocabulary,
            options["max_words"],
            job.device,
        )
        for part in features.PARTS
    )
    train_state = _new_train_state(config, len(vocabulary), found.report.n_channels, job.device)
    best = Best()
    if job.trunk is not None:
        content = checkpoint.load(job.trunk, job.device)
        restore(train_state, content, str(job.trunk))
        best.load_state_dict(content["best"])
    return CaptionContext(
        splits=CaptionSplits(*parts, vocabulary),
        images=splits.test.images,
        features=found.report,
        data=splits.facts,
        network=_facts(config, train_state),
        train_state=train_state,
        best=best,
    )


def _new_train_state(
    config: RunConfig, n_words: int, n_features: int, device: torch.device
) -> TrainState:
    sizes = {name: config.recipe[name] for name in SIZES}
    torch.manual_seed(derive(config.seed, "initial weights"))
    model = Decoder(n_words, n_features, dropout=config.recipe["dropout"], **sizes).to(device)
    return TrainState(model, optimizers.build(model.parameters(), config.training.optimizer))


def _facts(config: RunConfig, train_state: TrainState) -> NetworkFacts:
    source = registry.resolve("recipes", {"name": config.recipe["name"]})
    return NetworkFacts(
        name=NETWORK,
        n_parameters=sum(one.numel() for one in train_state.model.parameters()),
        full_size=all(config.recipe[name] == source[name] for name in SIZES),
    )


def trunk_state(context: CaptionContext) -> dict[str, Any]:
    """Return what `build_context` takes from the warm-up checkpoint."""
    return {**state(context.train_state), "best": context.best.state_dict()}
