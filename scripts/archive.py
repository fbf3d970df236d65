"""Pack sources, records, tables, figures and PDF of one scale, for a repository such as Zenodo.

    python scripts/archive.py demo

The same files give the same archive, byte for byte. Whoever unpacks it can check every file against
`SHA256SUMS` and render the paper again without training: the records stand in results/published.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import crate
from publish import publish

from partial_backprop import __version__, config, record
from partial_backprop.errors import UserError
from partial_backprop.measurements import caption_examples

ROOT = Path(__file__).parents[1]

ROOMS = (
    *(".ci", ".editorconfig", ".gitignore", "CITATION.cff", "LICENSE"),
    *("Makefile", "NOTICE", "README.md", "Snakefile", "pyproject.toml"),
    *("benchmarks", "config", "docs", "envs", "paper/source", "profiles", "scripts", "src"),
    *("tests", "workflow", "results/bench"),
    *(".gitattributes", ".github", ".pre-commit-config.yaml", "CHANGELOG.md", "CONTRIBUTING.md"),
    *("MANIFEST.in", "mkdocs.yml"),
)
"""The project's own files and folders; what a run makes is added by scale."""

CACHES = ("__pycache__", "*.egg-info", "*.pyc")
EPOCH = (1980, 1, 1, 0, 0, 0)

README = """\
# partial_backprop {version}, results of scale `{scale}`

- `paper/{scale}.pdf`: the paper; `results/{scale}/index.html`: all results on a page that opens offline;
  `results/{scale}/tables`, `figures/{scale}`: what both show.
- `results/published/runs`: the record of every run, with its configuration, data, versions and machine.
- `PROVENANCE.json`: the commit, and the runs with the hash of each one's configuration.
- `ro-crate-metadata.json`: the same as a Workflow Run RO-Crate, for programs that read such.
- `SHA256SUMS`: `sha256sum --check SHA256SUMS` checks every file.
- `make paper SCALE=published` renders the records again, without training;
  `make paper SCALE={scale}` trains everything anew. README.md tells more.
"""


def generated(scale: str, root: Path) -> list[Path]:
    """Find what the runs of a scale made and a reader wants to see.

    Parameters
    ----------
    scale : str
        Its name.
    root : pathlib.Path
        The project's folder.

    Returns
    -------
    list of pathlib.Path
        Paper, tables, figures and tidy tables.

    Raises
    ------
    UserError
        If there is no paper of this scale.
    """
    paper = root / "paper" / f"{scale}.pdf"
    if not paper.is_file():
        raise UserError(
            f"there is no {paper.relative_to(root)}: run `make paper SCALE={scale}` first"
        )
    results, figures = results_of(scale, root), root / "figures" / scale
    found = [paper, *results.glob("tables/*"), *results.glob("*.csv"), *results.glob("*.html")]
    found += figures.glob("*.*")
    return [path for path in found if not path.name.startswith(".")]


def results_of(scale: str, root: Path) -> Path:
    """Find the results of a scale, which may lie outside the project.

    Parameters
    ----------
    scale : str
        Its name.
    root : pathlib.Path
        The project's folder.

    Returns
    -------
    pathlib.Path
        Their folder.
    """
    folder = root / "config"
    if scale == "published" or not (folder / "config.yaml").is_file():
        return root / "results" / scale
    return root / config.read_settings(folder).results_root / scale


def commit(root: Path) -> str | None:
    """Ask git which commit the sources are of.

    Parameters
    ----------
    root : pathlib.Path
        The project's folder.

    Returns
    -------
    str or None
        Its hash, with ``-changed`` where packed files differ from it or are not in it; None where the
        folder is no clone, as an unpacked archive, whichever repository may lie around it.

    Raises
    ------
    UserError
        If it is a clone and git does not say.
    """
    if not (root / ".git").exists():
        return None
    head = _git(root, "rev-parse", "HEAD")
    changed = _git(root, "status", "--porcelain", "--untracked-files=all", "--", *ROOMS)
    return head + ("-changed" if changed else "")


def _git(root: Path, *words: str) -> str:
    try:
        command = ["git", "-C", str(root), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except OSError as error:
        raise UserError(f"{root} is a clone, but git does not run ({error}): install it") from None
    except subprocess.CalledProcessError as error:
        said = " ".join(error.stderr.split()) or f"status {error.returncode}"
        raise UserError(f"git does not say which commit {root} is of: {said}") from None


def provenance(scale: str, runs: Path, root: Path) -> dict:
    """Say of which sources and runs an archive is.

    Parameters
    ----------
    scale : str
        Name of the scale.
    runs : pathlib.Path
        Folder of the records.
    root : pathlib.Path
        The project's folder.

    Returns
    -------
    dict
        Version, commit, scale, and for each run its name, the hash of its configuration, that of the
        code, and the machine.
    """
    records = [record.read(path) for path in sorted(runs.rglob("record.json"))]
    return {
        "project": "partial_backprop",
        "version": __version__,
        "commit": commit(root),
        "scale": scale,
        "runs": [
            {
                "run": f"{one.experiment}/{one.arm}/seed{one.seed}",
                "scale": one.scale,
                "configuration_sha256": one.config_sha256,
                **one.provenance.model_dump(include={"code_sha256", "device", "platform"}),
            }
            for one in records
        ],
    }


def made_on(scale: str, root: Path) -> str:
    """Day on which the paper of a scale was made, in UTC, as year-month-day."""
    modified = (root / "paper" / f"{scale}.pdf").stat().st_mtime
    return datetime.fromtimestamp(modified, UTC).date().isoformat()


def collect(scale: str, folder: Path, root: Path) -> None:
    """Put everything that belongs into an archive into a folder.

    Parameters
    ----------
    scale : str
        Name of the scale.
    folder : pathlib.Path
        An empty folder.
    root : pathlib.Path
        The project's folder.

    Raises
    ------
    UserError
        If there is no paper, or photographs were put beside captions.
    """
    for name in ROOMS:
        source, copy = root / name, folder / name
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns(*CACHES))
        elif source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)
    results, made = results_of(scale, root), []
    for path in generated(scale, root):
        if path.is_relative_to(results):
            copy = folder / "results" / scale / path.relative_to(results)
        else:
            copy = folder / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        made.append(Path(shutil.copy(path, copy)))
    for pictures in results.rglob(caption_examples.PICTURES):
        raise UserError(
            f"{pictures} puts photographs into figure_4, which may not be passed on: "
            f"delete it and run `make paper SCALE={scale}` again"
        )
    published = folder / "results" / "published"
    copies = publish(results, published)
    written = json.dumps(provenance(scale, published / "runs", root), indent=1)
    (folder / "PROVENANCE.json").write_text(written + "\n", encoding="utf-8")
    (folder / "ARCHIVE.md").write_text(README.format(version=__version__, scale=scale))
    crate.write(
        folder,
        scale=scale,
        version=__version__,
        date=made_on(scale, root),
        made=[*made, *copies],
        snakemake=metadata.version("snakemake"),
    )


def pack(folder: Path, archive: Path) -> None:
    """Pack a folder with the checksums of its files.

    Parameters
    ----------
    folder : pathlib.Path
        What to pack; `SHA256SUMS` is written into it.
    archive : pathlib.Path
        The zip file; its members lie in a folder of its stem.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in paths
    ]
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    unfinished = archive.with_name(archive.name + ".part")
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(unfinished, "w") as packed:
        for path in [*paths, folder / "SHA256SUMS"]:
            name = f"{archive.stem}/{path.relative_to(folder).as_posix()}"
            member = zipfile.ZipInfo(name, EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = (0o755 if path.stat().st_mode & 0o100 else 0o644) << 16
            packed.writestr(member, path.read_bytes())
    unfinished.replace(archive)


def main(scale: str, root: Path = ROOT) -> Path:
    """Make ``archive/partial_backprop-VERSION-SCALE.zip``.

    Parameters
    ----------
    scale : str
        Name of the scale.
    root : pathlib.Path
        The project's folder.

    Returns
    -------
    pathlib.Path
        The archive.

    Raises
    ------
    UserError
        If the scale has no paper, or a record is damaged.
    """
    archive = root / "archive" / f"partial_backprop-{__version__}-{scale}.zip"
    with tempfile.TemporaryDirectory() as folder:
        collect(scale, Path(folder), root)
        pack(Path(folder), archive)
    return archive


if __name__ == "__main__":
    try:
        print(main(sys.argv[1]))
    except UserError as error:
        sys.exit(f"error: {error}")
