"""Publishing copies what can be rendered again, and nothing damaged."""

from pathlib import Path

import pytest

import fakes
from partial_backprop.errors import UserError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def publish(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import publish

    return publish.publish


@pytest.fixture
def results(tmp_path):
    fakes.inputs(tmp_path)
    (runs,) = tmp_path.rglob("runs")
    (next(runs.rglob("record.json")).parent / "weights.pt").write_bytes(b"large")
    return runs.parent


def test_records_histories_and_gradients_are_copied_and_weights_are_not(publish, results, tmp_path):
    publish(results, tmp_path / "published")
    names = {path.name for path in (tmp_path / "published").rglob("*.*")}
    assert names == {"record.json", "history.csv", "gradients.json"}
    for path in (tmp_path / "published").rglob("*.json"):
        original = results / path.relative_to(tmp_path / "published")
        assert path.read_bytes() == original.read_bytes()


def test_a_damaged_record_is_not_published(publish, results, tmp_path):
    path = next((results / "runs").rglob("record.json"))
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(UserError, match="damaged"):
        publish(results, tmp_path / "published")
