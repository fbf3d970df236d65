"""What the article says of Lab 1 (seed 003): answers from the descents, none of them typed.

Every judgement is a rule: a loss of at most `ZERO` is zero to rounding, weights at most `NEAR` from W*
have reached it, and a descent is quiet where its noise is at most `QUIET` of the noise it is
compared with.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from partial_backprop.inputs import Inputs
from partial_backprop.measurements import linear
from partial_backprop.paper.compare import NOT_RUN
from partial_backprop.paper.descents import (
    Descent,
    Reports,
    by_order,
    first_after,
    lambdas,
    losses_settle,
    select,
    short,
    shorts,
    vector,
    weights_settle,
    when,
)
from partial_backprop.paper.lab1_early import first_steps
from partial_backprop.paper.numbers import decimal, integer, listing, plural, word
from partial_backprop.paper.text import Tex, escape
from partial_backprop.reported import Reported

ZERO = 1e-20
NEAR = 1e-6
QUIET = 0.01
_SEED = "003"
_KEYS = ("setup", "plain", "projected", "ties", "l1", "proximal", "trimmed", "early", "printed")


def sentences(inputs: Inputs) -> dict[str, Tex]:
    """Answer what the parts of the lab ask.

    Parameters
    ----------
    inputs : Inputs
        Runs, and what the source says of its own.

    Returns
    -------
    dict
        Topic -> one or more sentences; where the descents that it needs did not run, it says so
        or is empty.
    """
    reports = linear.reports(run.record for run in inputs.runs)
    if not reports:
        return dict.fromkeys(_KEYS, Tex("")) | {"setup": Tex(f"The lab was {NOT_RUN}.")}
    return {
        "setup": _setup(reports),
        "plain": _answers(reports, "plain", ("full_batch", "per_sample")),
        "projected": _answers(reports, "projected", ("full_batch", "per_sample", "per_sweep")),
        "ties": _ties(reports),
        "l1": _l1(reports),
        "proximal": _proximal(reports),
        "trimmed": _trimmed(reports),
        "early": first_steps(reports),
        "printed": _printed(reports, inputs.reported),
    }


def _missing(method: str) -> Tex:
    title = next(part.title for part in linear.PARTS if part.method == method)
    return Tex(f"This descent ({escape(title)}) was {NOT_RUN}.")


def _setup(reports: Reports) -> Tex:
    first = next(iter(reports.values()))
    sparsest = ",\\,".join(f"{weight:g}" for weight in first.sparsest)
    return Tex(
        rf"All descents start from $W^0 = 0$ with $\mu = {first.learning_rate:g}$ and take "
        f"{integer(first.n_steps)} steps in double precision. The sparsest solution is "
        f"$W^* = ({sparsest})$. In what follows, a loss of at most {decimal(ZERO)} counts as zero, "
        f"and $W^*$ is reached where no weight is further than {decimal(NEAR)} from it."
    )


def _answer(one: Descent) -> Tex:
    """Say whether a descent found a solution, and whether it is sparse."""
    last, loss = one.weights[-1], one.losses[-1]
    n_nonzero = len(linear.support(last))
    found = "converges to a solution" if loss <= ZERO else "ends at no solution"
    sparse = "sparse" if n_nonzero <= len(linear.support(one.report.sparsest)) else "not sparse"
    settled = linear.loss_settled_after(one.losses)
    arrival = "never settles" if settled is None else f"settles at step {integer(settled)}"
    return Tex(
        rf"$W$ \emph{{{found}}}, {vector(last)}, with a loss of {short(loss)}, which {arrival}. It is "
        rf"\emph{{{sparse}}}: {word(n_nonzero)} of {plural(len(last), 'weight')} "
        f"{'differs' if n_nonzero == 1 else 'differ'} from zero."
    )


def _answers(reports: Reports, method: str, orders: Sequence[str]) -> Tex:
    said = []
    for order in orders:
        name = escape(linear.ORDERS[order]).capitalize()
        said += [f"{name}: {_answer(one)}" for one in select(reports, method, order)]
    return Tex(" ".join(said)) if said else _missing(method)


def _ties(reports: Reports) -> Tex:
    """Say what becomes of the descents where the other of two equal weights is kept."""
    titles = {
        ("projected", "per_sample"): "the descent that is projected after each update",
        ("projected", "per_sweep"): "the one that is projected after each sweep",
        ("trimmed", "per_sample"): "the trimmed penalty",
    }
    found = {
        key: descents
        for key in titles
        if (descents := select(reports, key[0], f"{key[1]}_ties_first"))
    }
    if not found:
        return Tex("")
    sizes = Counter(map(abs, next(iter(found.values()))[0].report.x[0]))
    n_equal = max(sizes.values())
    text = (
        f"The first sample has {plural(n_equal, 'element')} of equal magnitude, so the first update "
        f"from it alone makes {plural(n_equal, 'equal weight')}, and a rule must say which of them "
        "to keep. Above, those that stand last are kept. With those that stand first, "
    )
    parts = []
    for key, descents in found.items():
        lost = [one for one in descents if one.distance > NEAR]
        ends = [
            Tex(f"{vector(one.weights[-1])} with a loss of {short(one.losses[-1])}") for one in lost
        ]
        if not lost:
            parts.append(Tex(f"{titles[key]} reaches $W^*$ all the same"))
        else:
            which = f" with {lambdas(lost)}" if lost[0].course.strength is not None else ""
            parts.append(
                Tex(rf"{titles[key]}{which} \emph{{misses $W^*$}} and ends at {listing(ends)}")
            )
    return Tex(f"{text}{listing(parts)}.")


def _grows(values: Sequence[float]) -> str:
    pairs = list(pairwise(values))
    if all(before < after for before, after in pairs):
        return r"\emph{grows with $\lambda$}"
    if all(before > after for before, after in pairs):
        return r"\emph{falls with $\lambda$}"
    return r"\emph{neither grows nor falls throughout with $\lambda$}"


def _l1(reports: Reports) -> Tex:
    said = []
    for _, name, descents in by_order(reports, "l1"):
        losses, noise = [one.losses[-1] for one in descents], [one.noise for one in descents]
        lasts = [one.weights[-1] for one in descents]
        n_zero = sum(len(last) - len(linear.support(last)) for last in lasts)
        said.append(
            f"{name}, {lambdas(descents)}: the last loss {_grows(losses)} ({shorts(losses)}), and "
            f"its noise {_grows(noise)} ({shorts(noise)}). By our rule {losses_settle(descents)}, "
            f"and {weights_settle(descents)}; {plural(n_zero, 'weight')} "
            f"{'is' if n_zero == 1 else 'are'} exactly zero at the end."
        )
    return Tex(" ".join(said)) if said else _missing("l1")


def _proximal(reports: Reports) -> Tex:
    said = []
    for order, name, descents in by_order(reports, "proximal"):
        counts = [integer(len(linear.support(one.weights[-1]))) for one in descents]
        text = (
            f"{name}, {lambdas(descents)}: the last losses are "
            f"{shorts([one.losses[-1] for one in descents])}"
            f"{_against(descents, select(reports, 'l1', order))}. "
            f"{str(losses_settle(descents)).capitalize()}, and {weights_settle(descents)}. The last "
            f"weights have {listing(counts)} elements that differ from zero, and are "
            f"{shorts([one.distance for one in descents])} from $W^*$."
        )
        if order == "per_sample":
            largest = max(one.noise_by_update for one in descents)
            text += f" Within a sweep the loss goes on changing, by up to {short(largest)}."
        said.append(text)
    return Tex(" ".join(said)) if said else _missing("proximal")


def _against(descents: Sequence[Descent], subgradients: Sequence[Descent]) -> Tex:
    """Compare last losses and noise with those of the same penalty's subgradient."""
    pairs = list(zip(descents, subgradients, strict=False))
    if not pairs:
        return Tex("")
    ratios = [one.losses[-1] / other.losses[-1] for one, other in pairs]
    factor = max(*ratios, *(1 / ratio for ratio in ratios))
    quiet = [one for one, other in pairs if one.noise <= QUIET * other.noise]
    noisy = [one for one, other in pairs if one.noise > QUIET * other.noise]
    noise = [rf"the \emph{{noise is gone}} for {lambdas(quiet)}"] if quiet else []
    noise += [rf"\emph{{noise remains}} for {lambdas(noisy)}"] if noisy else []
    return Tex(
        f", within a factor of {short(factor)} of those of the subgradient, and "
        f"{' but '.join(noise)}"
    )


def _trimmed(reports: Reports) -> Tex:
    said = []
    for order, name, descents in by_order(reports, "trimmed"):
        reached = [one for one in descents if one.distance <= NEAR]
        missed = [one for one in descents if one.distance > NEAR]
        parts = []
        if reached:
            parts.append(
                rf"\emph{{$W^*$ is reached}} for {lambdas(reached)}, with losses of at most "
                f"{short(max(one.losses[-1] for one in reached))} and noise of at most "
                f"{short(max(one.noise for one in reached))}; {losses_settle(reached)}."
            )
        if missed:
            parts.append(
                rf"\emph{{$W^*$ is missed}} for {lambdas(missed)}, by "
                f"{shorts([one.distance for one in missed])}."
            )
        others = {one.course.strength: one for one in select(reports, "proximal", order)}
        shared = [one for one in descents if one.course.strength in others]
        if shared:
            l1 = [others[one.course.strength] for one in shared]
            parts.append(
                f"For the {lambdas(shared)}, which both have, {weights_settle(shared)}; with "
                rf"$\ell_1$, {weights_settle(l1)}."
            )
        said.append(f"{name}: {' '.join(parts)}")
    return Tex(" ".join(said)) if said else _missing("trimmed")


def _printed(reports: Reports, reported: Reported) -> Tex:
    """Hold the ranges that the source reads off its figures against both orders."""
    read = reported.entry(_SEED, "lab1_f").values
    low, high = read["l1_loss_above"], read["l1_loss_below"]
    below = 10 ** -read["trimmed_loss_below_minus_log10"]
    around = reported.entry(_SEED, "lab1_f.pruning").values["settled_step"]
    said = [
        rf"For $\ell_1$ the source reads losses between {decimal(low)} and {decimal(high)} off its "
        "figures."
    ]
    for _, name, descents in by_order(reports, "l1"):
        losses = [one.losses[-1] for one in descents]
        inside = "inside" if low < min(losses) and max(losses) < high else "not all inside"
        said.append(
            f"{name}, ours lie between {short(min(losses))} and {short(max(losses))}, {inside} that "
            "range."
        )
    said.append(
        f"For the trimmed penalty and for pruning it reads losses below {decimal(below)} after around "
        f"{integer(around)} steps."
    )
    for _, name, descents in by_order(reports, "trimmed"):
        steps = [first_after(loss >= below for loss in one.losses) for one in descents]
        said.append(f"{name}, {when('ours', 'get there', descents, steps)}.")
    return Tex(" ".join(said))
