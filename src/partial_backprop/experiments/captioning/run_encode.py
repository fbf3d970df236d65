"""Compute a frozen encoder's feature maps of all images once (pb2020, section 4.2)."""

from pathlib import Path

from partial_backprop import registry, sources
from partial_backprop.captioning import published
from partial_backprop.captioning.encoder import WEIGHTS, Encoder, build
from partial_backprop.captioning.features import KEY, PARTS, FeatureReport
from partial_backprop.captioning.writing import FeatureWriter
from partial_backprop.data.captioned import CaptionedSplits, load_captioned
from partial_backprop.errors import UserError
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.provenance import code_sha256, write_record
from partial_backprop.record import NetworkFacts
from partial_backprop.run_config import RunConfig
from partial_backprop.training.checkpoint import save
from partial_backprop.training.progress import Progress
from partial_backprop.training.seeding import make_deterministic


def run(
    config: RunConfig,
    job: Job,
    *,
    # The run whose last weights the encoder takes, as ``experiment/arm``; ``job.start`` holds them.
    # Its images are then normalised as the data set says
    start: str | None = None,
    # File with a ``state_dict`` of the user's; likewise. With neither, the encoder takes its public
    # weights, and the normalisation that goes with them
    checkpoint: str | None = None,
    # Images at once, 1 or more
    batch_size: int = 25,
    # CPU threads, 1 or more
    threads: int = 1,
) -> None:
    """Leave the features of the training, validation and test images."""
    # The run leaves ``features_train.npy``, ``features_validation.npy`` and ``features_test.npy``
    # (float16, of shape (images, locations, channels)), the weights in ``encoder.pt`` and, last,
    # ``record.json``. It draws no random number.
    # Departures: the source does not tell its encoder. Xu et al. take a VGG network's map of 14 ×
    # 14 places before a max-pooling; here it is the last map of places, 7 × 7 or 8 × 8 of them.
    # Source: pb2020, section 4.2; K. Xu et al., "Show, attend and tell", ICML 2015, sections 3.1.1
    # and 5.1.
    where = f"{config.experiment}/{config.arm}"
    _check(where, config, job, start, checkpoint, batch_size, threads)
    make_deterministic(threads)
    splits = load_captioned(config.data, job.data_root, config.seed)
    mean, std = splits.mean, splits.std
    if start is not None:
        path, named = job.start, start
    elif checkpoint is not None:
        path, named = Path(checkpoint), Path(checkpoint).name
    else:
        path, public = published.find(config.network["name"])
        named, mean, std = public.file, public.mean, public.std
    model = build(config.network, splits.facts.image_shape, path)
    encoder = Encoder(model, mean, std, job.device)
    n_channels, *grid = encoder.feature_map(splits.train.images[:1]).shape[1:]
    report = FeatureReport(
        encoder=config.network["name"],
        weights=named,
        weights_sha256=published.sha256(path),
        mean=mean,
        std=std,
        grid=grid,
        n_channels=n_channels,
    )
    elapsed_s = _write(config, job, splits, encoder, report, batch_size)
    save(model.state_dict(), job.out / WEIGHTS)
    name = config.network["name"]
    facts = NetworkFacts(
        name=name,
        n_parameters=sum(parameter.numel() for parameter in model.parameters()),
        full_size=dict(config.network) == registry.resolve("networks", {"name": name}),
    )
    write_record(
        config,
        job.out,
        job.device,
        elapsed_s,
        data=splits.facts,
        network=facts,
        measurements={KEY: report.model_dump(mode="json")},
    )


def _check(
    where: str,
    config: RunConfig,
    job: Job,
    start: str | None,
    checkpoint: str | None,
    batch_size: int,
    threads: int,
) -> None:
    if config.network is None or config.data is None:
        raise UserError(f"{where}: it needs a network, the encoder, and data: name both")
    if start is not None and checkpoint is not None:
        raise UserError(f"recipe of {where}: it takes start or checkpoint, not both: leave one out")
    if start is not None and job.start is None:
        raise UserError(f"recipe of {where}: it starts from {start}: give its weights with --start")
    if min(batch_size, threads) < 1:
        raise UserError(f"recipe of {where}: batch_size and threads must be 1 or more")


def _write(
    config: RunConfig,
    job: Job,
    splits: CaptionedSplits,
    encoder: Encoder,
    report: FeatureReport,
    batch_size: int,
) -> float:
    unfinished = (job.checkpoints or job.out) / f"{config.sha256()}.features"
    code = code_sha256(sources.digests(sources.of_run(config)))
    made_with = [code, splits.facts.sha256, report.weights_sha256]
    shape = (report.grid[0] * report.grid[1], report.n_channels)
    name = f"{config.experiment}/{config.arm}/seed{config.seed}"
    with Progress(name, 1, job.log) as progress:
        writer = FeatureWriter(unfinished, made_with, job.checkpoint_every_s, progress.say)
        for part in PARTS:
            images = getattr(splits, part).images
            writer.write(part, images, encoder.features, shape, batch_size)
        return writer.finish(job.out)
