"""What all tests share: one thread, reproducible property tests, markers, and the real data where it is."""

import os
from pathlib import Path

import hypothesis
import pytest
import torch

torch.set_num_threads(1)
# For the processes that tests start.
os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

hypothesis.settings.register_profile("deterministic", derandomize=True, deadline=None)
hypothesis.settings.load_profile("deterministic")

SLOW_FOLDERS = {"cluster", "integrations", "recipes", "workflow"}
"""Whose tests train, run the workflow or import trainers; slow ones elsewhere are marked where they stand."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by where they are and what they ask for, so that no new one is forgotten."""
    for item in items:
        if "tex" in getattr(item, "fixturenames", ()):
            item.add_marker("tex")
        if item.path.parent.name in SLOW_FOLDERS or item.get_closest_marker("tex"):
            item.add_marker("slow")


@pytest.fixture(autouse=True)
def _exact_small_numbers():
    """Undo for the next test what a training in this process sets: denormal numbers become zero."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real data sets beside the repository; tests that ask for it skip without it."""
    root = Path(__file__).parents[1].parent / "shared" / "data"
    if not root.is_dir():
        pytest.skip(f"no real data in {root}")
    return root


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory):
    """Made-up runs of all experiments."""
    from tests import everything

    return everything.inputs(tmp_path_factory.mktemp("everything"))
