"""What all tests share: one thread, reproducible property tests, markers, and the real data where it is."""

import functools
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import torch
from tests.cluster import one_node
from tests.results_page import browser

torch.set_num_threads(1)
# For the processes that tests start.
os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

hypothesis.settings.register_profile("deterministic", derandomize=True, deadline=None)
hypothesis.settings.load_profile("deterministic")

ROOT = Path(__file__).parents[1]
SLOW_FOLDERS = {
    "benchmarks",
    "cluster",
    "figures",
    "integrations",
    "recipes",
    "scripts",
    "tables",
    "workflow",
}
"""Whose tests train, measure, draw, print, run the workflow or import trainers; slow ones elsewhere are
marked where they stand."""
BY_FIXTURE = {"tex": "tex", "git": "git", "shared_data": "real_data"}
"""Fixture -> marker of the tests that ask for it."""


def _lacking() -> dict[str, str]:
    """What this machine lacks, by the marker of the tests that need it."""
    needs = {
        "browser": "" if browser.FOUND else "Chromium or Chrome",
        "slurm": ", ".join(one_node.lacking()),
        "git": "" if (ROOT / ".git").exists() else "a repository of its own",
        "environment": "" if Path(sys.prefix, "installed.txt").exists() else "`make environment`",
        "real_data": "" if SHARED_DATA.is_dir() else f"real data in {SHARED_DATA}",
    }
    return {marker: what for marker, what in needs.items() if what}


SHARED_DATA = ROOT.parent / "shared" / "data"
LACKING = _lacking()


def pytest_report_header() -> list[str]:
    return [
        f"left out: tests marked {marker}, which need {what}" for marker, what in LACKING.items()
    ]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by where they are and what they ask for, and leave out those that cannot run here."""
    for item in items:
        for fixture, marker in BY_FIXTURE.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)
        if item.path.parent.name in SLOW_FOLDERS or item.get_closest_marker("tex"):
            item.add_marker("slow")
    left_out = [item for item in items if any(map(item.get_closest_marker, LACKING))]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
    # The longest files first, so that several processes end together.
    items[:] = sorted(
        (item for item in items if item not in set(left_out)),
        key=lambda item: item.path.parent.name != "workflow",
    )


@pytest.fixture(autouse=True)
def _exact_small_numbers():
    """Undo for the next test what a training in this process sets: denormal numbers become zero."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real data sets beside the repository."""
    return SHARED_DATA


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory):
    """Made-up runs of all experiments."""
    from tests import everything

    return everything.inputs(tmp_path_factory.mktemp("everything"))


@pytest.fixture(scope="module")
def few_draws() -> Iterator[None]:
    """Let bootstraps of the ledger be short, where no test looks at their ends."""
    from partial_backprop.report import judge, ledger

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "judge", functools.partial(judge.judge, draws=50))
        yield
