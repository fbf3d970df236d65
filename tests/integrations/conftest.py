"""The trainers of others, which ``scripts/extras`` puts beside the environment."""

import importlib.util
import sys
from pathlib import Path

import pytest

from partial_backprop.torchvision_compat import import_torchvision

TRAINERS = Path(sys.prefix) / "trainers"
NAMES = ("lightning", "transformers", "accelerate")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # pytest-xdist imports the class of a warning in its main process, which cannot see the trainers.
    for item in items:
        if item.path.parent == Path(__file__).parent:
            for category in ("UserWarning", "DeprecationWarning"):
                item.add_marker(pytest.mark.filterwarnings(f"ignore::{category}"))


@pytest.fixture(scope="session")
def trainers() -> None:
    sys.path.append(str(TRAINERS))
    for name in NAMES:
        assert importlib.util.find_spec(name), f"{name} is not installed: `make test` installs it"
    import_torchvision()  # torchmetrics, which Lightning brings, imports it


@pytest.fixture(autouse=True)
def _stay_offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
