"""What the article says of captioning images: scores, what is frozen, and what a score depends on."""

import pandas as pd

from partial_backprop import labels
from partial_backprop.frames import caption_arms
from partial_backprop.frames.caption_arms import ARMS, DECODINGS, pick, share
from partial_backprop.inputs import Inputs, Run
from partial_backprop.intervals import paired_difference, summary
from partial_backprop.measurements.captions import SEED, CaptionReport
from partial_backprop.paper.compare import NOT_RUN
from partial_backprop.paper.numbers import (
    decimal,
    difference,
    integer,
    listing,
    percent,
    plural,
    points,
    span,
)
from partial_backprop.paper.text import Tex, escape

ENCODER_TRAINING = "encoder_pretraining"
"""The experiment that trains an encoder where no pretrained one is used."""

DIGITS = 3
"""Digits after the point of a BLEU score, as in the source."""

_TOPICS = (
    "ran", "missing", "data", "side", "encoder", "setting", "frozen", "zeros", "unmoved", "cost", "scores",
    "choice", "modes", "readings", "control",
)  # fmt: skip


def sentences(inputs: Inputs) -> dict[str, str]:
    """Say what was measured of captioning.

    Parameters
    ----------
    inputs : Inputs
        Runs of any experiments, and printed numbers.

    Returns
    -------
    dict
        Topic -> one or more sentences, LaTeX; empty where nothing was captioned. ``data`` is the name of
        the data set in the records.

    References
    ----------
    Seed 001, section 4.2.
    """
    made = caption_arms.reports(inputs.runs)
    if not made:
        return dict.fromkeys(_TOPICS, Tex(""))
    found, frozen = caption_arms.frame(inputs.runs), caption_arms.frozen(inputs.runs)
    return {
        "ran": escape(" ".join(caption_arms.lines(inputs.runs))),
        "missing": _missing(made),
        "data": made[0][0].record.data.name,
        "side": integer(made[0][0].record.data.image_shape[1]),
        "encoder": _encoder(inputs),
        "setting": _setting(made),
        "frozen": _frozen(inputs, frozen),
        "zeros": _zeros(frozen),
        "unmoved": _unmoved(frozen),
        "scores": _scores(found),
        "cost": _cost(inputs, found),
        "choice": _compared(found, "pb", "pb_random", ("PB", "the random mask")),
        "modes": _compared(found, "pb_gradient", "pb", ("masking gradients alone", "strict PB")),
        "readings": _readings(found),
        "control": _control(found, made),
    }


def _missing(made: list[tuple[Run, CaptionReport]]) -> Tex:
    ran = {run.record.arm for run, _ in made}
    absent = [labels.arm(arm) for arm in ARMS if arm not in ran]
    return Tex(f"Not run: {'; '.join(map(escape, absent))}." if absent else "")


def _encoder(inputs: Inputs) -> Tex:
    counts = [
        (run.record.data, run.record.selection("last").test)
        for run in inputs.runs
        if run.record.experiment == ENCODER_TRAINING
    ]
    if not counts:
        return Tex("")
    data = escape(labels.data(counts[0][0].name))
    accuracies = [100 * count.n_correct / count.n_examples for _, count in counts]
    return Tex(
        f"It was trained to classify the images of {data}, with a test accuracy of {span(accuracies)}."
    )


def _setting(made: list[tuple[Run, CaptionReport]]) -> Tex:
    config = made[0][0].record.config
    training, recipe = config.training, config.recipe
    sizes = [recipe.get(name) for name in ("hidden", "attention", "embedding")]
    units = (
        f"The LSTM has {integer(sizes[0])} units, the attention {integer(sizes[1])}, and a word has "
        f"{integer(sizes[2])} numbers. "
        if all(sizes)
        else ""
    )
    epochs = sorted({len(report.epochs) for _, report in made})
    best = sorted({report.best_epoch + 1 for _, report in made})
    return Tex(
        f"{units}Training takes at most {plural(training.epochs, 'epoch')} of "
        f"{integer(training.batch_size)} captions a step with a learning rate of "
        f"{decimal(training.optimizer.learning_rate)}; the second term of the loss weighs $\\lambda = "
        f"{decimal(recipe.get('alpha_weight', 1.0))}$, {_usual(recipe)}. The runs ended after "
        f"{_range(epochs)} epochs, the best of which were the {_ordinals(best)}."
    )


def _usual(recipe: dict[str, object]) -> str:
    usual = recipe.get("alpha_weight", 1.0) == 1.0
    return "as in the public reference" if usual else "less than the public reference's one"


def _range(values: list[int]) -> Tex:
    low, high = integer(values[0]), integer(values[-1])
    return low if low == high else Tex(f"{low} to {high}")


def _ordinals(values: list[int]) -> Tex:
    def ordinal(value: int) -> Tex:
        teens = 10 < value % 100 < 14
        return Tex(f"{value}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(value % 10, 'th')}")

    low, high = ordinal(values[0]), ordinal(values[-1])
    return low if low == high else Tex(f"{low} to {high}")


def _frozen(inputs: Inputs, frozen: pd.DataFrame) -> Tex:
    masked = share(frozen, "pb", "mask_zeros_percent")
    if masked.empty:
        return Tex(f"Partial backpropagation was {NOT_RUN} at this scale.")
    printed = inputs.reported.entry(SEED, "captioning.pb").values
    learning_rate = _pb(inputs).record.config.training.optimizer.learning_rate
    threshold = float(share(frozen, "pb", "threshold_paper").iloc[0])
    # Up to the division that made it.
    same = abs(threshold - printed["threshold"]) < 1e-6
    which = "The source's threshold of" if same else "In the source's unit, a threshold of"
    return Tex(
        f"{which} {decimal(threshold)}, at our learning rate a raw gradient of "
        f"{decimal(threshold * learning_rate)}, freezes {percent(masked.mean())} of the weights (printed: "
        f"{percent(printed['frozen_percent'])})."
    )


def _pb(inputs: Inputs) -> Run:
    return next(run for run, _ in caption_arms.reports(inputs.runs) if run.record.arm == "pb")


def _zeros(frozen: pd.DataFrame) -> Tex:
    zeros, masked, embedding = (
        share(frozen, "pb", column)
        for column in ("natural_zeros_percent", "masked_not_natural_percent", "embedding_percent")
    )
    if zeros.empty:
        return Tex("")
    where = (
        f", of which {percent(embedding.mean())} lie in the embedding, in the rows of words that the batch "
        "lacks"
        if len(embedding)
        else ""
    )
    rest = (
        f" Weights that have a gradient, and are frozen because it is small, are "
        f"{percent(masked.mean())} of all."
        if len(masked)
        else ""
    )
    return Tex(
        f"The gradient of {percent(zeros.mean())} of the weights is exactly zero on the batch that makes "
        f"the mask{where}.{rest}"
    )


def _unmoved(frozen: pd.DataFrame) -> Tex:
    strict, gradient = (share(frozen, arm, "unmoved_percent") for arm in ("pb", "pb_gradient"))
    if strict.empty or gradient.empty:
        return Tex("")
    return Tex(
        f"Under strict PB {percent(strict.mean())} of the weights end, to the bit, where they were when the "
        f"mask was made; where gradients alone are masked, {percent(gradient.mean())}."
    )


def _score(values: pd.Series) -> Tex:
    mean, std, n = summary(values)
    shown = decimal(mean, DIGITS)
    return shown if n == 1 else Tex(rf"{shown} $\pm$ {decimal(std, DIGITS)}")


def _scores(found: pd.DataFrame) -> Tex:
    items = [
        Tex(f"{_score(values)} for {escape(labels.arm(arm))}")
        for arm in ARMS
        if len(values := pick(found, arm))
    ]
    return Tex(f"BLEU-4 of the beam's captions is {listing(items)}.")


def _compared(found: pd.DataFrame, arm: str, base: str, names: tuple[str, str]) -> Tex:
    one, other = names
    between = paired_difference(pick(found, base), pick(found, arm))
    if not between.n:
        return Tex(f"The comparison of {one} with {other} was {NOT_RUN} at this scale.")
    head = f"{one[:1].upper()}{one[1:]}"
    seeds = plural(between.n, "paired seed")
    return Tex(f"{head} minus {other}: {difference(between, DIGITS)} over {seeds}.")


def _cost(inputs: Inputs, found: pd.DataFrame) -> Tex:
    fb, pb = (
        inputs.reported.entry(SEED, f"captioning.{arm}").values["bleu_4"] for arm in ("fb", "pb")
    )
    ours = _compared(found, "pb", "fb", ("PB", "FB"))
    return Tex(f"{ours} The source has {points(pb - fb, DIGITS)} from one run of each.")


def _readings(found: pd.DataFrame) -> Tex:
    arm = next(arm for arm in ARMS if len(pick(found, arm)))
    scores = {
        f"{name}, {'five references' if references == 'five' else 'one reference'}": float(
            pick(found, arm, decoding=decoding, references=references).mean()
        )
        for decoding, name in DECODINGS.items()
        for references in ("five", "one")
    }
    low, high = min(scores, key=scores.__getitem__), max(scores, key=scores.__getitem__)
    said = (
        f"The same decoder, {escape(labels.arm(arm))}, has a BLEU-4 from {decimal(scores[low], DIGITS)} "
        f"({low}) to {decimal(scores[high], DIGITS)} ({high})"
    )
    between = paired_difference(pick(found, "fb"), pick(found, "pb"))
    if not between.n or not between.mean:
        return Tex(f"{said}.")
    times = (scores[high] - scores[low]) / abs(between.mean)
    return Tex(
        f"{said}: {decimal(times, 1)} times the difference of PB and FB. A BLEU-4 without its reading "
        "cannot be compared with another."
    )


def _control(found: pd.DataFrame, made: list[tuple[Run, CaptionReport]]) -> Tex:
    arm = next(arm for arm in ARMS if len(pick(found, arm)))
    own, other = pick(found, arm), pick(found, arm, references="shuffled")
    beams = [report.test.beam for run, report in made if run.record.arm == arm]
    distinct = sum(beam.n_distinct for beam in beams) / len(beams)
    tells = float(own.min()) > float(other.max())
    what = (
        r"\emph{so its captions tell of the image}"
        if tells
        else r"\emph{so its captions need not tell of the image at all}"
    )
    return Tex(
        f"As a control we compare each caption of {escape(labels.arm(arm))} with the references of the "
        f"image that follows. BLEU-4 is then {_score(other)}, against {_score(own)} with its own, {what}. "
        f"On {integer(beams[0].n_captions)} test images there are {integer(distinct)} different captions."
    )
