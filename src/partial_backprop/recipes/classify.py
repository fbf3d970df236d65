"""Train a classifier with full or partial backpropagation (seed 001)."""

from torch import Tensor

from partial_backprop.errors import UserError
from partial_backprop.files import write_atomically
from partial_backprop.freezing.counts import report_unmasked
from partial_backprop.freezing.partial_backprop import PartialBackprop
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.probe import first_gradients
from partial_backprop.recipes.provenance import provenance
from partial_backprop.recipes.setting import Setting, prepare, state
from partial_backprop.recipes.unfinished import Unfinished
from partial_backprop.record import FreezingReport, Record, write
from partial_backprop.run_config import TRUNK, FreezingConfig, RunConfig
from partial_backprop.training import checkpoint, history
from partial_backprop.training.events import Events
from partial_backprop.training.loop import Hooks, fit
from partial_backprop.training.progress import Progress


def run(config: RunConfig, job: Job) -> None:
    """Train one arm, or the trunk that the arms share, and leave its files.

    Parameters
    ----------
    config : RunConfig
        The run's configuration.
    job : Job
        Where its inputs and outputs are.

    Notes
    -----
    The trunk leaves ``trunk.pt``; an arm leaves ``record.json``, ``history.csv``, ``weights.pt``
    and ``mask.pt`` (empty where nothing was frozen). The record is written last: where there is one, the
    run is complete.
    """
    name = f"{config.experiment}/{config.arm}/seed{config.seed}"
    setting = prepare(config, job)
    anchor = _values(setting)
    pb = None
    if config.freezing is not None:
        pb = _partial_backprop(setting, config.freezing, config)
    with (
        Progress(name, config.training.epochs, job.log) as progress,
        Events(job.out / "events" if job.tensorboard else None) as events,
    ):
        unfinished = Unfinished(config, job, setting, pb)
        unfinished.resume(progress.say)

        def on_epoch(row: history.Row, seconds: float) -> None:
            progress.epoch(row, len(setting.splits.train), seconds)
            events.epoch(row)
            unfinished.save_when_due()

        try:
            fit(
                setting.trainee,
                setting.splits,
                config.training,
                config.seed,
                hooks=Hooks(pb.begin_epoch, pb.after_backward) if pb else None,
                on_epoch=on_epoch,
            )
        except UserError as error:
            unfinished.save()
            raise UserError(f"{name}: {error}") from None
    if config.arm == TRUNK:
        checkpoint.save(state(setting.trainee), job.out / "trunk.pt")
    else:
        report = pb.report() if pb else _full_backprop_report(config, job, setting, anchor)
        _leave(config, job, setting, report, pb)
    unfinished.discard()


def _values(setting: Setting) -> dict[str, Tensor]:
    named = setting.trainee.model.named_parameters()
    return {name: parameter.detach().clone() for name, parameter in named}


def _partial_backprop(
    setting: Setting, freezing: FreezingConfig, config: RunConfig
) -> PartialBackprop:
    criterion = dict(freezing.criterion)
    if criterion.get("seed", 0) is None:
        criterion["seed"] = config.seed
    try:
        return PartialBackprop(
            setting.trainee.model,
            setting.trainee.optimizer,
            criterion=criterion,
            start_epoch=freezing.start_epoch,
            mode=freezing.mode,
            remask_every=freezing.remask_every,
            full_epochs_at_end=freezing.full_epochs_at_end,
            epochs=config.training.epochs,
        )
    except ValueError as error:
        raise UserError(f"freezing of {config.experiment}/{config.arm}: {error}") from None


def _full_backprop_report(
    config: RunConfig, job: Job, setting: Setting, anchor: dict[str, Tensor]
) -> FreezingReport:
    """Count for FB what is counted for PB: zeros at epoch Ω, and values unmoved since."""
    at_trunk = prepare(config, job)
    gradients = first_gradients(at_trunk, config)
    return report_unmasked(setting.trainee.model, anchor, gradients)


def _leave(
    config: RunConfig,
    job: Job,
    setting: Setting,
    report: FreezingReport,
    pb: PartialBackprop | None,
) -> None:
    trainee = setting.trainee
    checkpoint.save(trainee.model.state_dict(), job.out / "weights.pt")
    checkpoint.save(dict(pb.mask) if pb and pb.mask else {}, job.out / "mask.pt")
    write_atomically(job.out / "history.csv", history.to_csv(trainee.rows))
    write(
        Record(
            experiment=config.experiment,
            arm=config.arm,
            seed=config.seed,
            scale=config.scale,
            config=config,
            config_sha256=config.sha256(),
            data=setting.data,
            network=setting.network,
            selections=history.selections(trainee.rows),
            freezing=report,
            provenance=provenance(job.device, trainee.elapsed_s),
        ),
        job.out / "record.json",
    )
