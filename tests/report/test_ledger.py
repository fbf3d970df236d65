"""A scale's ledger has the claims about its experiments, and those alone."""

import dataclasses
import functools

import pytest
from tests import fakes

from partial_backprop import folders
from partial_backprop.report import claims, judge, ledger


@pytest.fixture
def nothing(tmp_path, monkeypatch):
    """A scale of no runs, with all of the project's claims."""
    monkeypatch.setattr(ledger, "judge", functools.partial(judge.judge, draws=2))
    return dataclasses.replace(fakes.inputs(tmp_path, experiments=[]), experiments=frozenset())


def of(inputs, *experiments: str) -> set[str]:
    asked = dataclasses.replace(inputs, experiments=frozenset(experiments))
    return {found.id for found in ledger.ledger(asked)}


def test_without_experiments_all_claims_are_there(nothing):
    assert len(ledger.ledger(nothing)) == len(ledger.judge_all(nothing)) > 150


def test_a_scale_has_the_claims_about_its_experiments(nothing):
    found = of(nothing, "lab2_pruning")
    assert {"L27", "L2"} <= found
    assert not {"L30.4", "L1", "L16", "K1", "W8", "D9", "P4.lenet5"} & found


def test_a_comparison_needs_both_of_its_experiments(nothing):
    assert "P23.vgg19" in of(nothing, "vgg19_cifar10", "resnet110_cifar10")
    assert "P23.vgg19" not in of(nothing, "resnet110_cifar10")


def test_what_is_made_of_parts_is_there_with_any_of_them(nothing):
    found = of(nothing, "lenet5_mnist")
    assert {"P1", "P1.lenet5", "P39", "P16"} <= found
    assert not {"P1.vgg19", "P37", "P11"} & found


def test_claims_are_about_experiments_of_the_project(nothing):
    known = folders.every_experiment().keys()
    for source in claims.read(nothing.config_dir, nothing.reported):
        for name in source.claims:
            for side in claims.about(source, name):
                assert side
                assert set(side) <= known, name
