"""Several seeds, or several arms, at once: each gets the numbers that it gets alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from partial_backprop.errors import UserError
from partial_backprop.run_config import TrainingConfig
from partial_backprop.training.backward import Gradients, gradients
from partial_backprop.training.graphs import Replayed
from partial_backprop.training.history import Row
from partial_backprop.training.hooks import Hooks, nothing
from partial_backprop.training.loop import DeviceSplits, Trainee, fit_steps
from partial_backprop.training.turns import Lane, Steps, take_turns


@dataclass(frozen=True)
class Replica:
    """One of several trainings: what `loop.fit` is called with.

    Parameters
    ----------
    trainee : Trainee
        Network and optimizer; altered in place. No two replicas may share one.
    splits : DeviceSplits
        The data; replicas may share them.
    config : TrainingConfig
        Epochs, batch size, schedule and precision; replicas may have different ones.
    seed : int
        Seed of the run.
    hooks : Hooks
        What is called on the way through an epoch.
    on_epoch : callable
        Called after each epoch with its row and the seconds from beginning to end of its training, in
        which the others had their turns too.
    """

    trainee: Trainee
    splits: DeviceSplits
    config: TrainingConfig
    seed: int
    hooks: Hooks = field(default_factory=Hooks)
    on_epoch: Callable[[Row, float], None] = nothing

    @property
    def device(self) -> torch.device:
        """Where it is trained."""
        return self.splits.train.labels.device


def fit_together(replicas: Sequence[Replica], *, graphs: bool = True) -> None:
    """Train several replicas to their last epochs, a step of each in turn.

    Parameters
    ----------
    replicas : sequence of Replica
        What to train; each from wherever it stands.
    graphs : bool
        Whether to replay forward and backward pass as CUDA graphs, where there is CUDA. Say False for
        a network that `graphs.Replayed` is not made for.

    Raises
    ------
    ValueError
        If two replicas share a network or an optimizer.
    UserError
        If a loss is no finite number; the message names the seed. All stop there; epochs that were
        finished are kept in the trainees.

    Notes
    -----
    Weights, optimizer state and history are those of `loop.fit`, replica by replica: each has its own
    order, random numbers and stream. Times are not: each trainee's ``elapsed_s`` counts the turns of
    the others. On a processor nothing is gained; on a GPU small networks fill it together. Memory is
    that of all trainings together.
    """
    for part in ("model", "optimizer"):
        if len({id(getattr(one.trainee, part)) for one in replicas}) < len(replicas):
            raise ValueError(f"two replicas share one {part}: give each its own")
    works = [_named(one, computing(one.device, graphs=graphs)) for one in replicas]
    take_turns(works, [Lane(one.device) for one in replicas])


def computing(device: torch.device, *, graphs: bool) -> Gradients:
    """Choose how a replica's gradients are computed.

    Parameters
    ----------
    device : torch.device
        Where.
    graphs : bool
        Whether CUDA graphs are wanted.

    Returns
    -------
    Gradients
        A `graphs.Replayed` of the replica's own on a CUDA device, if wanted; else kernel by kernel.
    """
    return Replayed() if graphs and device.type == "cuda" else gradients


def _named(replica: Replica, compute: Gradients) -> Steps[None]:
    try:
        yield from fit_steps(
            replica.trainee,
            replica.splits,
            replica.config,
            replica.seed,
            hooks=replica.hooks,
            on_epoch=replica.on_epoch,
            compute=compute,
        )
    except UserError as error:
        raise UserError(f"seed {replica.seed}: {error}") from None
