"""An archive holds the project and its results, with checksums, and is the same each time."""

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests import fakes

from partial_backprop.errors import UserError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def archive(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import archive

    return archive


@pytest.fixture
def root(tmp_path):
    """A project of few files, with runs of a scale."""
    fakes.inputs(tmp_path)
    (runs,) = tmp_path.rglob("runs")
    root = tmp_path / "project"
    (root / "results").mkdir(parents=True)
    runs.parent.rename(root / "results" / "demo")
    contents = {
        "README.md": "read me",
        "scripts/environment": "#!/bin/sh\n",
        "src/partial_backprop/__pycache__/a.pyc": "cache",
        "src/partial_backprop/a.py": "a = 1\n",
        "paper/demo.pdf": "%PDF",
        "results/demo/tables/table_1.csv": "a,b\n",
        "figures/demo/figure_1.pdf": "%PDF",
        "data/private.txt": "not to be published",
    }
    for name, text in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "scripts" / "environment").chmod(0o755)
    return root


def members(path):
    """Name inside the archive's folder -> content and mode."""
    with zipfile.ZipFile(path) as packed:
        return {
            one.filename.partition("/")[2]: (packed.read(one), one.external_attr >> 16)
            for one in packed.infolist()
        }


def test_it_holds_sources_and_results_and_nothing_else(archive, root):
    found = members(archive.main("demo", root))
    assert {"README.md", "src/partial_backprop/a.py", "paper/demo.pdf"} <= found.keys()
    assert {"results/demo/tables/table_1.csv", "figures/demo/figure_1.pdf"} <= found.keys()
    records = [name for name in found if name.endswith("record.json")]
    assert records
    assert all(name.startswith("results/published/runs/") for name in records)
    assert not [name for name in found if "private" in name or "pycache" in name]
    assert found["scripts/environment"][1] == 0o755


def test_results_outside_the_project_are_packed_too(archive, root, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "results" / "demo").rename(outside / "demo")
    (root / "config").mkdir(exist_ok=True)
    (root / "config" / "config.yaml").write_text(f"results_root: {outside}\n")
    found = members(archive.main("demo", root))
    assert "results/demo/tables/table_1.csv" in found
    assert [name for name in found if name.endswith("record.json")]


def test_every_file_has_its_checksum(archive, root):
    found = members(archive.main("demo", root))
    lines = found.pop("SHA256SUMS")[0].decode().splitlines()
    sums = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    assert sums == {
        name: hashlib.sha256(content).hexdigest() for name, (content, _) in found.items()
    }


def test_the_provenance_names_every_run(archive, root):
    content = json.loads(members(archive.main("demo", root))["PROVENANCE.json"][0])
    runs = [path.parent for path in (root / "results/demo/runs").rglob("record.json")]
    named = {"/".join(run.parts[-3:]) for run in runs}
    assert {run["run"] for run in content["runs"]} == named
    assert all(len(run["configuration_sha256"]) == 64 for run in content["runs"])
    assert content["scale"] == "demo"


def test_the_crate_describes_the_run_and_files_that_are_there(archive, root):
    (root / "Snakefile").write_text("rule all:\n")
    (root / "config").mkdir()
    (root / "config" / "config.yaml").write_text("scale: demo\n")
    found = members(archive.main("demo", root))
    graph = json.loads(found["ro-crate-metadata.json"][0])["@graph"]
    by_id = {entity["@id"]: entity for entity in graph}
    assert len(by_id) == len(graph)

    def ids(entity, key):
        return {one["@id"] for one in entity[key]}

    whole = by_id["./"]
    assert whole["mainEntity"]["@id"] == "Snakefile"
    run = by_id[whole["mentions"]["@id"]]
    assert run["instrument"]["@id"] == "Snakefile"
    assert ids(run, "object") == {"config/config.yaml"}
    made = {"paper/demo.pdf", "results/demo/tables/table_1.csv", "figures/demo/figure_1.pdf"}
    records = {name for name in found if name.endswith("record.json")}
    assert made | records <= ids(run, "result") <= ids(whole, "hasPart")
    for entity in graph:
        if "File" in entity["@type"]:
            assert entity["@id"] in found
            assert int(entity.get("contentSize", 0)) in (0, len(found[entity["@id"]][0]))
    tops = {name for name in found if "/" not in name} - {"ro-crate-metadata.json", "SHA256SUMS"}
    assert tops <= ids(whole, "hasPart")


def test_the_same_files_give_the_same_bytes(archive, root):
    first = archive.main("demo", root).read_bytes()
    (root / "README.md").touch()
    assert archive.main("demo", root).read_bytes() == first


def git(folder, *words):
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    asked = ["git", "-C", str(folder), *identity, *words]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()


def commit_of(archive, root):
    return json.loads(members(archive.main("demo", root))["PROVENANCE.json"][0])["commit"]


def test_the_provenance_names_the_commit_and_says_whether_all_files_are_of_it(archive, root):
    git(root, "init", "-q")
    (root / ".gitignore").write_text(
        "/data/\n/results/*\n/figures/\n/paper/*.pdf\n/archive/\n*.pyc\n"
    )
    git(root, "add", ".")
    git(root, "commit", "-qm", "all")
    head = git(root, "rev-parse", "HEAD")
    assert commit_of(archive, root) == head
    (root / "src" / "partial_backprop" / "new.py").write_text("b = 1\n")
    assert commit_of(archive, root) == f"{head}-changed"
    (root / "src" / "partial_backprop" / "new.py").unlink()
    (root / "README.md").write_text("read this")
    assert commit_of(archive, root) == f"{head}-changed"


def test_the_commit_of_a_repository_around_is_not_that_of_an_unpacked_archive(archive, root):
    git(root.parent, "init", "-q")
    git(root.parent, "commit", "-q", "--allow-empty", "-m", "outer")
    assert commit_of(archive, root) is None


def test_a_clone_whose_commit_git_does_not_tell_is_told(archive, root):
    (root / ".git").write_text("gitdir: /nowhere\n")
    with pytest.raises(UserError, match="commit"):
        archive.main("demo", root)
    assert not (root / "archive").exists()


def test_a_scale_without_paper_is_told(archive, root):
    with pytest.raises(UserError, match="SCALE=full`"):
        archive.main("full", root)


def test_a_damaged_record_is_told_and_no_archive_is_left(archive, root):
    path = next((root / "results").rglob("record.json"))
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(UserError, match="damaged"):
        archive.main("demo", root)
    assert not (root / "archive").exists()


def test_photographs_put_beside_captions_are_refused(archive, root):
    path = next((root / "results" / "demo").rglob("record.json")).with_name("pictures.npz")
    path.write_bytes(b"photographs")
    with pytest.raises(UserError, match=r"pictures\.npz .* photographs"):
        archive.main("demo", root)
    assert not (root / "archive").exists()


def test_the_command_says_in_one_line_what_is_missing():
    outcome = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "archive.py"), "no_such_scale"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 1
    assert len(outcome.stderr.splitlines()) == 1


def test_the_rooms_are_all_that_git_knows(archive):
    """Where there is a git: a new file at the top belongs into archives too."""
    asked = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=False
    )
    known = asked.stdout.splitlines() if asked.returncode == 0 else ["README.md"]
    rooms = (*archive.ROOMS, "results/published")
    # Rendered from records that an archive has others of.
    rooms += ("figures/published", "paper/published.pdf", "paper/published.json")
    outside = {
        name for name in known if not any(name == r or name.startswith(r + "/") for r in rooms)
    }
    assert not outside
