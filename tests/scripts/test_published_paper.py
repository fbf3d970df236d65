"""The committed paper and figures are told to be old as soon as what they show has changed."""

from pathlib import Path

import pytest

from partial_backprop.errors import UserError

ROOT = Path(__file__).parents[2]
FILES = (
    "paper/published.pdf",
    "figures/published/figure_3.pdf",
    "results/published/runs/e/fb/seed0/record.json",
    "paper/source/paper.tex.j2",
    "config/reported.yaml",
)


@pytest.fixture
def published(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import published

    return published


@pytest.fixture
def root(tmp_path):
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


@pytest.mark.parametrize("name", FILES)
def test_whatever_changes_is_named(published, root, name):
    published.write(root)
    assert published.differences(root) == []
    (root / name).write_text("other")
    (found,) = published.differences(root)
    assert name in found


def test_a_new_record_is_named_and_a_time_is_no_change(published, root):
    published.write(root)
    (root / FILES[2]).touch()
    assert published.differences(root) == []
    new = root / "results/published/runs/e/pb/seed0/record.json"
    new.parent.mkdir(parents=True)
    new.write_text("new")
    (found,) = published.differences(root)
    assert "e/pb/seed0" in found


def test_the_modules_that_draw_are_among_the_sources(published, root):
    names = published.checksums(root)["sources"]
    for end in (
        "partial_backprop/figure_3.py",
        "partial_backprop/tables.py",
        "paper/context.py",
        "report/stats.py",
    ):
        assert any(name.endswith(end) for name in names)


def test_no_manifest_is_written_of_photographs_or_of_nothing(published, root):
    pictures = root / "results/published/runs/e/fb/seed0/pictures.npz"
    pictures.write_bytes(b"photographs")
    with pytest.raises(UserError, match="photographs"):
        published.write(root)
    pictures.unlink()
    (root / FILES[0]).unlink()
    with pytest.raises(UserError, match="make published"):
        published.write(root)
    assert published.differences(root)
