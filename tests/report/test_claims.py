"""The files of claims: the project's own, and what is said of a wrong one."""

import shutil
from pathlib import Path

import pytest
import yaml

from partial_backprop import config, folders, reported
from partial_backprop.errors import UserError
from partial_backprop.report import checks, claims, judge
from partial_backprop.report.frame import results
from partial_backprop.report.guards import base_side

CONFIG = Path(__file__).parents[2] / "config"
LEDGER = [f"K{n}" for n in range(1, 9)] + [f"P{n}" for n in range(1, 41)]
LEDGER += [f"W{n}" for n in range(1, 12)] + [f"L{n}" for n in range(1, 37)]
LEDGER += [f"D{n}" for n in range(1, 12)]
"""What the sources were found to claim, by number."""


@pytest.fixture
def sources(printed_numbers):
    return claims.read(CONFIG, printed_numbers)


@pytest.fixture
def folder(tmp_path):
    """A copy of the claims, to make mistakes in."""
    for one, path in folders.files(claims.FILE):
        copy = tmp_path / "experiments" / one.name / claims.FILE
        copy.parent.mkdir(parents=True)
        shutil.copy(path, copy)
    return tmp_path


def test_every_claim_of_the_sources_is_in_the_ledger(sources):
    found = {name.partition(".")[0] for source in sources for name in source.claims}
    assert found == set(LEDGER)
    assert [source.document for source in sources] == ["000", "001", "002", "003", "004"]


def test_names_are_used_once(sources):
    names = [name for source in sources for name in source.claims]
    assert len(names) == len(set(names))


def test_claims_name_experiments_arms_and_checks_that_exist(sources):
    arms = {
        name: set(config.read_experiment(name, CONFIG)["arms"])
        for name in folders.every_experiment()
    }
    for source in sources:
        assert set(source.conditions) <= arms.keys()
        for name, claim in source.claims.items():
            assert claim.check is None or claim.check in checks.names(), name
            sides = [claim.what, claim.base and base_side(claim)]
            for side in (side for side in sides if side):
                wanted = side.experiment
                wanted = {wanted} if isinstance(wanted, str) else set(wanted)
                assert wanted <= arms.keys(), name
                known = set().union(*(arms.get(experiment, set()) for experiment in wanted))
                assert side.arm in known, name


def test_first_pages_have_a_dozen_claims_with_names(sources):
    chosen = [claim for source in sources for claim in source.claims.values() if claim.main]
    assert 12 <= len(chosen) <= 15
    assert all(claim.short for claim in chosen)


def test_without_runs_no_claim_is_judged_by_a_measurement(sources, printed_numbers):
    found = judge.judge(sources, results([]), printed_numbers)
    verdicts = {
        one.verdict for one in found if one.claim.test not in ("arithmetic", "stated", "none")
    }
    assert verdicts == {"not run"}


@pytest.mark.parametrize(
    ("claim", "change", "words"),
    [
        ("P10", {"marginn": 1}, "marginn"),
        ("P10", {"test": "guessed"}, "test"),
        ("P10", {"line": 0}, "line"),
        ("P12", {"what": {"experiment": "lenet5_mnist", "armm": "pb"}}, "armm"),
        ("P12", {"reported": "table_9.lenet5:x"}, "reported"),
        ("P12", {"margin": {"share": 0.1, "of": "table_9.lenet5:x"}}, "margin"),
        ("P39", {"parts": ["P99"]}, "parts"),
        ("P12", {"test": "equal"}, "reported"),
    ],
)
def test_a_wrong_key_is_told_in_one_line_with_file_and_claim(
    folder, printed_numbers, claim, change, words
):
    path = folder / "experiments" / "partial_backprop" / claims.FILE
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["claims"][claim] |= change
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(UserError) as told:
        claims.read(folder, printed_numbers)
    message = str(told.value)
    for part in (str(path), claim, words):
        assert part in message
    assert "\n" not in message


def test_printed_numbers_are_nowhere_but_in_reported():
    """What a claim reports is looked up; its file holds references, margins and what is stated in words."""
    assert all(
        not isinstance(fields.get("reported"), int | float)
        for _, path in folders.files(claims.FILE)
        for fields in yaml.safe_load(path.read_text(encoding="utf-8"))["claims"].values()
    )
    assert (
        reported.read(CONFIG).documents["000"].entries["totals_trainable"].values["all"] == 551722
    )
