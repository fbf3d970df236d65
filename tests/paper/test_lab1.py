"""The sentences on Lab 1 follow the descents, whatever these are."""

import dataclasses
import re
from pathlib import Path

import pytest

import lab1
from partial_backprop.inputs import Inputs
from partial_backprop.measurements import linear
from partial_backprop.paper import article
from partial_backprop.paper import lab1 as sentences_on_lab1
from partial_backprop.paper.descents import first_after, short, vector

SOURCE = Path(__file__).parents[2] / "paper" / "source"


@pytest.fixture(scope="module")
def said():
    return sentences_on_lab1.sentences(lab1.inputs())


def changed(arm: str, **courses) -> Inputs:
    """The lab with other numbers in the first course of an arm."""
    runs = []
    for run in lab1.inputs().runs:
        if run.record.arm == arm:
            report = linear.of(run.record)
            first = report.courses[0].model_copy(update=courses)
            report = report.model_copy(update={"courses": (first, *report.courses[1:])})
            measurements = {linear.KEY: report.model_dump(mode="json")}
            record = run.record.model_copy(update={"measurements": measurements})
            run = dataclasses.replace(run, record=record)
        runs.append(run)
    return dataclasses.replace(lab1.inputs(), runs=tuple(runs))


def test_plain_descent_is_optimal_but_not_sparse(said):
    assert r"Full batch: $W$ \emph{converges to a solution}, $(0.748," in said["plain"]
    assert said["plain"].count(r"\emph{not sparse}: five of five weights differ") == 2


def test_projected_descent_is_optimal_and_sparse(said):
    assert said["projected"].count(r"\emph{converges to a solution}") == 3
    assert said["projected"].count(r"$(0,\,-3.000,\,0,\,0,\,1.000)$") == 3
    assert said["projected"].count(r"\emph{sparse}: two of five weights differ") == 3


def test_a_descent_that_ends_elsewhere_is_called_so():
    report = linear.of(lab1.records()["projected_full_batch"])
    (course,) = report.courses
    other = changed(
        "projected_full_batch", losses=(*course.losses[:-1], 0.5), weights=course.weights
    )
    text = sentences_on_lab1.sentences(other)["projected"]
    assert r"Full batch: $W$ \emph{ends at no solution}" in text
    assert "with a loss of 0.50, which never settles" in text


def test_the_rule_for_ties_is_told_where_it_matters(said):
    text = said["ties"]
    assert "has four elements of equal magnitude" in text
    assert text.count(r"\emph{misses $W^*$}") == 2
    assert "projected after each sweep reaches $W^*$ all the same" in text
    assert r"the trimmed penalty with $\lambda$ of 10 \emph{misses" in text
    none = lab1.without(*(arm for arm in lab1.ARMS if arm.endswith("ties_first")))
    assert sentences_on_lab1.sentences(none)["ties"] == ""


def test_the_subgradient_is_noisy_and_never_sparse(said):
    assert "(0.0068, 0.024, 0.11 and 0.37)" in said["l1"]
    assert "(0.030, 0.19, 0.77 and 2.9)" in said["l1"]
    assert said["l1"].count(r"its noise \emph{grows with $\lambda$}") == 2
    assert said["l1"].count("no weights are exactly zero at the end") == 2


def test_the_proximal_operator_takes_the_noise_away(said):
    noise_gone = r"\emph{noise is gone} for $\lambda$ of 0.2, 0.5, 1 and 2."
    assert said["proximal"].count(noise_gone) == 2
    assert "noise remains" not in said["proximal"]


def test_noise_that_remains_is_told():
    report = linear.of(lab1.records()["proximal_full_batch"])
    course = report.courses[0]
    shaky = [loss * (1.5 if step % 2 else 1) for step, loss in enumerate(course.losses)]
    text = sentences_on_lab1.sentences(changed("proximal_full_batch", losses=tuple(shaky)))
    assert (
        r"\emph{noise is gone} for $\lambda$ of 0.5, 1 and 2 but "
        r"\emph{noise remains} for $\lambda$ of 0.2"
    ) in text["proximal"]


def test_the_trimmed_penalty_has_no_bias(said):
    assert said["trimmed"].count(r"\emph{$W^*$ is reached} for $\lambda$ of 1, 2, 5 and 10") == 2
    assert "missed" not in said["trimmed"]


def test_the_first_steps_are_compared_with_pruning(said):
    """The counts once more, from the records."""
    for order, shown in (("full_batch", said["early"]), ("per_sample", said["early"])):
        trimmed, pruned = (
            linear.of(lab1.records()[f"{method}_{order}"]) for method in ("trimmed", "projected")
        )
        every = trimmed.updates_per_step
        kept = [pruned.courses[0].weights[every * step] for step in range(1, 21)]
        same = []
        for course in trimmed.courses:
            own = [course.weights[every * step] for step in range(1, 21)]
            same.append(
                sum(
                    [w != 0 for w in one] == [w != 0 for w in other]
                    for one, other in zip(own, kept, strict=True)
                )
            )
        counts = f"{', '.join(map(str, same[:-1]))} and {same[-1]}"
        assert f"leaves the same weights in {counts} of 20 steps" in shown
    assert "pruning keeps $W_1$ and $W_2$ at first, and $W_2$ and $W_5$ from step 7 on" in shown


def test_ranges_of_the_source_are_held_against_both_orders(said):
    assert "ours lie between 0.0068 and 0.37, not all inside that range" in said["printed"]
    assert "ours lie between 0.030 and 2.9, inside that range" in said["printed"]
    assert re.search(r"Per sample, ours get there at steps [\d, and]+\.", said["printed"])


def test_what_did_not_run_is_said():
    some = sentences_on_lab1.sentences(lab1.without("l1_full_batch", "l1_per_sample"))
    assert (
        some["l1"] == r"This descent (\ensuremath{\ell}\ensuremath{_1}, subgradient) was not run."
    )
    assert "of those of the subgradient" not in some["proximal"]
    none = sentences_on_lab1.sentences(lab1.without(*lab1.ARMS))
    assert none.pop("setup") == "The lab was not run."
    assert set(none.values()) == {""}


def test_the_section_names_only_what_there_is(said):
    template = article.environment(SOURCE).get_template("sections/52_lab1.tex.j2")
    names = {"table_lab1"}, {"figure_lab1"}
    text = template.render(lab1=said, tables=names[0], figures=names[1])
    assert all(str(sentence) in text for sentence in said.values())
    assert "figures/figure_lab1.pdf" in text
    none = sentences_on_lab1.sentences(lab1.without(*lab1.ARMS))
    empty = template.render(lab1=none, tables=names[0], figures=names[1])
    assert "The lab was not run." in empty
    assert "includegraphics" not in empty


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (0, "0"), (0.0303, "0.030"), (2.93, "2.9"), (42.1, "42"), (-1.25, "$-$1.2"),
        (5.28e-27, r"$5.3\times 10^{-27}$"), (1e-20, "$10^{-20}$"), (250, "250"),
    ],
)  # fmt: skip
def test_two_digits(value, printed):
    assert short(value) == printed


def test_vectors_tell_zero_from_small():
    assert vector((0.0, -3.0, 1e-9)) == r"$(0,\,-3.000,\,0.000)$"


def test_first_after_the_last_flag():
    assert first_after([True, True, False, True, False, False]) == 4
    assert first_after([False, False]) == 1
    assert first_after([True, False, True]) is None
