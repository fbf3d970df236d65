"""Train a classifier with full or partial backpropagation (seed 001)."""

from torch import Tensor

from partial_backprop.freezing.counts import report_unmasked
from partial_backprop.recipes.course import leave, train
from partial_backprop.recipes.freeze import hooks, partial_backprop
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.probe import first_gradients
from partial_backprop.recipes.setting import Setting, prepare, state
from partial_backprop.record import FreezingReport
from partial_backprop.run_config import TRUNK, RunConfig
from partial_backprop.training import checkpoint, history


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
    setting = prepare(config, job)
    anchor = _values(setting)
    pb = partial_backprop(setting.trainee, config)
    unfinished = train(config, job, setting, hooks(pb), pb)
    if config.arm == TRUNK:
        checkpoint.save(state(setting.trainee), job.out / "trunk.pt")
    else:
        report = pb.report() if pb else _full_backprop_report(config, job, setting, anchor)
        checkpoint.save(dict(pb.mask) if pb and pb.mask else {}, job.out / "mask.pt")
        leave(
            config,
            job,
            setting,
            history.selections(setting.trainee.rows, setting.trainee.test_correct),
            freezing=report,
        )
    unfinished.discard()


def _values(setting: Setting) -> dict[str, Tensor]:
    named = setting.trainee.model.named_parameters()
    return {name: parameter.detach().clone() for name, parameter in named}


def _full_backprop_report(
    config: RunConfig, job: Job, setting: Setting, anchor: dict[str, Tensor]
) -> FreezingReport:
    """Count for FB what is counted for PB: zeros at epoch Ω, and values unmoved since."""
    at_trunk = prepare(config, job)
    gradients = first_gradients(at_trunk, config)
    return report_unmasked(setting.trainee.model, anchor, gradients)
