"""The descents of Lab 1 (seed 003) and what sentences about them have in common."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from partial_backprop.measurements import linear
from partial_backprop.measurements.linear import Course, LinearReport
from partial_backprop.paper.numbers import decimal, integer, listing
from partial_backprop.paper.text import Tex, escape

Reports = Mapping[str, LinearReport]
"""Arm -> report."""


class Descent(NamedTuple):
    """A course, with the report that it is part of."""

    report: LinearReport
    course: Course

    @property
    def losses(self) -> Sequence[float]:
        """L at the end of each step, and before the first."""
        return linear.by_step(self.report, self.course.losses)

    @property
    def weights(self) -> Sequence[tuple[float, ...]]:
        """W at the end of each step, and before the first."""
        return linear.by_step(self.report, self.course.weights)

    @property
    def distance(self) -> float:
        """Largest difference of a last weight from W*."""
        return linear.largest_difference(self.weights[-1], self.report.sparsest)

    @property
    def noise(self) -> float:
        """Largest change of L from one of the last steps to the next."""
        return linear.noise(self.losses)

    @property
    def noise_by_update(self) -> float:
        """Largest change of L from one update of the last steps to the next."""
        n_last = linear.TAIL_STEPS * self.report.updates_per_step
        return linear.noise(self.course.losses, n_last)


def select(reports: Reports, method: str, order: str) -> list[Descent]:
    """Select the descents of an arm.

    Parameters
    ----------
    reports : mapping of str to LinearReport
        Arm -> report.
    method, order : str
        The arm is METHOD_ORDER.

    Returns
    -------
    list of Descent
        One a strength of the penalty; empty where the arm did not run.
    """
    report = reports.get(f"{method}_{order}")
    return [Descent(report, course) for course in report.courses] if report else []


def by_order(reports: Reports, method: str) -> Iterator[tuple[str, Tex, list[Descent]]]:
    """Go through what the assignment and its solution ask of a method.

    Parameters
    ----------
    reports : mapping of str to LinearReport
        Arm -> report.
    method : str
        Method of the arms.

    Yields
    ------
    str, Tex, list of Descent
        ``full_batch`` or ``per_sample``, as far as they ran; its name at the start of a sentence;
        and its descents.
    """
    for order in ("full_batch", "per_sample"):
        descents = select(reports, method, order)
        if descents:
            yield order, escape(linear.ORDERS[order].capitalize()), descents


def short(value: float) -> Tex:
    """Print two significant digits.

    Parameters
    ----------
    value : float
        Any finite number.

    Returns
    -------
    Tex
        Such as ``0.030`` or, for the very small and large, a power of ten.
    """
    if value != 0 and not 1e-3 <= abs(value) < 99.5:
        return decimal(float(f"{value:.1e}"))
    return Tex(f"{value:#.2g}".removesuffix(".").replace("-", "$-$") if value else "0")


def shorts(values: Sequence[float]) -> Tex:
    """Print several numbers.

    Parameters
    ----------
    values : sequence of float
        Finite numbers.

    Returns
    -------
    Tex
        Two significant digits of each.
    """
    return listing([short(value) for value in values])


def vector(weights: Sequence[float]) -> Tex:
    """Print weights.

    Parameters
    ----------
    weights : sequence of float
        W.

    Returns
    -------
    Tex
        Three decimals of each; what is zero to the last bit prints as 0.
    """
    parts = ("0" if weight == 0 else f"{weight:.3f}" for weight in weights)
    return Tex("$(" + ",\\,".join(parts) + ")$")


def lambdas(descents: Sequence[Descent]) -> Tex:
    """Name the strengths of some descents.

    Parameters
    ----------
    descents : sequence of Descent
        At least one, with a penalty.

    Returns
    -------
    Tex
        Such as ``λ of 1 and 2``.
    """
    return Tex(rf"$\lambda$ of {listing([decimal(one.course.strength) for one in descents])}")


def when(subject: str, verb: str, descents: Sequence[Descent], steps: Sequence[int | None]) -> Tex:
    """Say at which steps something happens.

    Parameters
    ----------
    subject, verb : str
        Who does what; LaTeX.
    descents : sequence of Descent
        With a penalty, in the order of its strengths.
    steps : sequence of int or None
        When it happens in each of them; None where it never does.

    Returns
    -------
    Tex
        A clause.
    """
    pairs = list(zip(descents, steps, strict=True))
    happens = [(one, step) for one, step in pairs if step is not None]
    never = [one for one, step in pairs if step is None]
    if not happens:
        return Tex(f"{subject} never {verb}")
    at = listing([integer(step) for _, step in happens])
    text = f"{subject} {verb} at step{'' if len(happens) == 1 else 's'} {at}"
    if never:
        text += f" for {lambdas([one for one, _ in happens])}, and never for {lambdas(never)}"
    return Tex(text)


def first_after(flags: Iterable[bool]) -> int | None:
    """Find the first step after all those with a flag.

    Parameters
    ----------
    flags : iterable of bool
        One a step, the one before the first step included.

    Returns
    -------
    int or None
        A step from 1 on; None where the last step has the flag.
    """
    all_flags = list(flags)
    after = max((step for step, flag in enumerate(all_flags) if flag), default=0) + 1
    return after if after < len(all_flags) else None


def losses_settle(descents: Sequence[Descent]) -> Tex:
    """Say when losses settle.

    Parameters
    ----------
    descents : sequence of Descent
        With a penalty, in the order of its strengths.

    Returns
    -------
    Tex
        A clause.
    """
    steps = [linear.loss_settled_after(one.losses) for one in descents]
    return when("the losses", "settle", descents, steps)


def weights_settle(descents: Sequence[Descent]) -> Tex:
    """Say when weights settle.

    Parameters
    ----------
    descents : sequence of Descent
        With a penalty, in the order of its strengths.

    Returns
    -------
    Tex
        A clause.
    """
    steps = [linear.weights_settled_after(one.weights) for one in descents]
    return when("the weights", "settle", descents, steps)
