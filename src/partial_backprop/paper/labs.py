"""What the templates of Labs 2 and 3 may name: findings, settings, and what the source asks for."""

from collections.abc import Mapping

from partial_backprop import labels
from partial_backprop.facts import of_runs
from partial_backprop.facts import sentences as told
from partial_backprop.frames import points
from partial_backprop.frames.points import LAB2, LAB3
from partial_backprop.inputs import Inputs, Run
from partial_backprop.paper import lab2, lab3
from partial_backprop.paper.compare import NOT_RUN
from partial_backprop.paper.lab_words import SEED
from partial_backprop.paper.numbers import decimal, integer, listing, percent, plural
from partial_backprop.paper.text import Tex, escape
from partial_backprop.reported import Reported


def sentences(inputs: Inputs) -> dict[str, Tex]:
    """Say what was done and measured in Labs 2 and 3.

    Parameters
    ----------
    inputs : Inputs
        Runs of any experiments, and printed numbers.

    Returns
    -------
    dict
        Topic -> LaTeX; topics that begin with ``asked_`` are numbers that the source prints.
    """
    return {
        "lab2": _ran(inputs, LAB2),
        "lab3": _ran(inputs, LAB3),
        "start": _start(inputs),
        "settings": _settings(inputs),
        "ramp": _ramp(inputs),
        "prunable": _prunable(inputs),
        **_asked(inputs.reported),
        **lab2.sentences(inputs),
        **lab3.sentences(inputs),
    }


def _ran(inputs: Inputs, experiment: str) -> Tex:
    """Say what ran, and what did not; empty where nothing did."""
    facts = of_runs(experiment, labels.LAB_NETWORK, inputs.runs)
    if facts is None:
        return Tex("")
    arms = {run.record.arm for run in inputs.runs if run.record.experiment == experiment}
    known = labels.LAB2 if experiment == LAB2 else labels.LAB3
    absent = [name for arm, name in known.items() if arm not in arms]
    missing = f" Not run: {'; '.join(map(escape, absent))}." if absent else ""
    return Tex(f"{escape(' '.join(told([facts])))}{missing}")


def _runs(inputs: Inputs, experiments: tuple[str, ...]) -> list[Run]:
    return [
        run
        for run in inputs.runs
        if run.record.experiment in experiments and run.record.config.training is not None
    ]


def _start(inputs: Inputs) -> Tex:
    experiment, arm = points.PRETRAINED.split("/")
    for run in _runs(inputs, (experiment,)):
        taken = run.record.measurements.get("checkpoint")
        if run.record.arm == arm and isinstance(taken, Mapping):
            return Tex(f"All runs start from the weights of the file {escape(taken['file'])}.")
        if run.record.arm == arm:
            training = run.record.config.training
            milestones = listing([integer(epoch) for epoch in training.milestones])
            steps = (
                f", multiplied by {decimal(training.decay)} after {milestones} epochs"
                if training.milestones
                else ""
            )
            return Tex(
                "The source's trained weights are not public. We train our own: "
                f"{_optimizer(run)} for {plural(training.epochs, 'epoch')} in batches of "
                f"{integer(training.batch_size)}{steps}."
            )
    return Tex("The source's trained weights are not public.")


def _optimizer(run: Run) -> Tex:
    found = run.record.config.training.optimizer
    momentum = f"momentum {decimal(found.momentum)}, " if found.name == "sgd" else ""
    return Tex(
        f"{escape(labels.ALGORITHMS.get(found.name, found.name))} with {momentum}weight decay "
        f"{decimal(found.weight_decay)} and a learning rate of {decimal(found.learning_rate)}"
    )


def _settings(inputs: Inputs) -> Tex:
    found = []
    for run in _runs(inputs, (LAB2, LAB3)):
        training = run.record.config.training
        padding = run.record.config.recipe.get("padding")
        shifted = (
            f", on images shifted by up to {integer(padding)} pixels in each direction and mirrored at random"
            if padding
            else ""
        )
        found.append(
            f"Fine-tuning takes {plural(training.epochs, 'epoch')} of {_optimizer(run)}, "
            f"{'constant' if not training.milestones else 'falling'}, in batches of "
            f"{integer(training.batch_size)}{shifted}."
        )
    kinds = list(dict.fromkeys(found))
    if not kinds:
        return Tex(f"Fine-tuning was {NOT_RUN} at this scale.")
    if len(kinds) > 1:
        return Tex(r"The arms differ in their fine-tuning: see Appendix~\ref{app:configuration}.")
    return Tex(kinds[0])


def _ramp(inputs: Inputs) -> Tex:
    recipes = [run.record.config.recipe for run in _runs(inputs, (LAB2, LAB3))]
    grown = sorted({recipe["ramp_epochs"] for recipe in recipes if recipe.get("iterative")})
    if not grown:
        return Tex("")
    epochs = listing([plural(count, "epoch") for count in grown])
    return Tex(f"In the parts with steps the share grows over {epochs}.")


def _prunable(inputs: Inputs) -> Tex:
    layers = points.layers(inputs.runs)
    first = layers[layers["stage"].eq(points.START)].drop_duplicates("name")
    chosen = first[first["prunable"].eq(True)]
    if not len(chosen):
        return Tex("")
    left = first[first["prunable"].eq(False)]
    return Tex(
        f"{integer(chosen['n_weights'].sum())} weights in {integer(len(chosen))} layers can be pruned; the "
        f"{integer(left['n_weights'].sum())} of the shortcuts' convolutions cannot."
    )


def _asked(reported: Reported) -> dict[str, Tex]:
    values = {
        part: reported.entry(SEED, f"{part}.setting").values
        for part in ("lab2_c", "lab2_d", "lab3_c", "lab3_e")
    }
    shares = [
        reported.entry(SEED, f"lab2_b.{share:g}").values["sparsity"] for share in lab2.SPARSITIES
    ]
    return {
        "asked_shares": listing([percent(100 * share, 0) for share in shares]),
        "asked_share": percent(100 * values["lab2_c"]["sparsity"], 0),
        "asked_epochs": integer(values["lab2_c"]["epochs"]),
        "asked_step": percent(values["lab2_d"]["step_percent"], 0),
        "asked_ramp": integer(values["lab2_d"]["ramp_epochs"]),
        "asked_bits": listing([integer(bits) for bits in lab3.BITS]),
        "asked_few": listing([integer(bits) for bits in lab3.FEW]),
        "asked_bits_in_steps": integer(values["lab3_e"]["bits"]),
    }
