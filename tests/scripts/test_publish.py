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
    folder = next(runs.rglob("record.json")).parent
    (folder / "weights.pt").write_bytes(b"large")
    (folder / "captions.json").write_text("not a record")
    return runs.parent


def test_records_histories_and_gradients_are_copied_and_weights_are_not(publish, results, tmp_path):
    publish(results, tmp_path / "published")
    names = {path.name for path in (tmp_path / "published").rglob("*.*")}
    assert names == {"record.json", "history.csv", "gradients.json"}
    for path in (tmp_path / "published").rglob("*.json"):
        original = results / path.relative_to(tmp_path / "published")
        assert path.read_bytes() == original.read_bytes()


def test_what_is_printed_beside_a_record_goes_along(publish, results, tmp_path):
    folder = next((results / "runs").rglob("record.json")).parent
    (folder / "examples.npz").write_bytes(b"pictures")
    publish(results, tmp_path / "published")
    copy = tmp_path / "published" / folder.relative_to(results) / "examples.npz"
    assert copy.read_bytes() == b"pictures"


def test_a_damaged_record_is_not_published(publish, results, tmp_path):
    path = next((results / "runs").rglob("record.json"))
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(UserError, match="damaged"):
        publish(results, tmp_path / "published")
