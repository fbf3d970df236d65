"""What a file was made from, beside it: content, not time, tells whether it is current.

A stamp is a small JSON file ``.NAME.stamp.json`` beside ``NAME.csv`` or whatever it is of. It names all that
its command read, each with a hash, and travels with the file when a folder is copied, packed or cloned.
"""

import contextlib
import functools
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from partial_backprop import captions, config, folders, sources, table_entries
from partial_backprop.files import write_atomically
from partial_backprop.run_config import RunConfig

READ_BY_OTHERS = ("trunk.pt", "weights.pt", "path.pt")
"""Files of a run that other runs begin with."""

_CODE = "code of "

TEMPLATES = Path("paper/source")
"""Templates of the paper."""

CALLED = ("rows.py", "checks.py", "paper.py")
"""Modules of the experiments' folders that tables, figures and the paper are made with."""

PAGE = Path(sources.__file__).parent / "results_page"
"""Those of the results page, its style and its script."""


def _path_of(product: Path) -> Path:
    """Return where the stamp of a file lies."""
    return product.with_name(f".{product.stem}.stamp.json")


@functools.lru_cache(maxsize=4096)
def _digest(path: Path, mtime_ns: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(path: Path) -> str | None:
    """Hash a file's content; None where there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return _digest(path, found.st_mtime_ns, found.st_size)


def write(product: Path, made_from: Mapping[str, str | None], made: Iterable[Path] = ()) -> None:
    """Say what a file was made from."""
    content = {
        "made_from": {key: value for key, value in made_from.items() if value is not None},
        "made": {path.name: digest(path) for path in made if path.exists()},
    }
    text = json.dumps(content, indent=1, sort_keys=True)
    write_atomically(_path_of(product), f"{text}\n".encode())


def remove(product: Path) -> None:
    """Take a stamp away before its file is made anew."""
    # Where a file stands in a folder's place, the product cannot be written either, and says so.
    with contextlib.suppress(NotADirectoryError):
        _path_of(product).unlink(missing_ok=True)


@contextlib.contextmanager
def stamped(product: Path, made_from: Mapping[str, str | None]) -> Iterator[None]:
    """Leave a stamp beside what is made in this block, and none where that fails."""
    remove(product)
    yield
    write(product, made_from, map(product.with_name, READ_BY_OTHERS))


def _read(product: Path) -> dict[str, dict[str, str]]:
    try:
        content = json.loads(_path_of(product).read_bytes())
        return {key: dict(content[key]) for key in ("made_from", "made")}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def made_from(product: Path) -> dict[str, str] | None:
    """Read what a file was made from; None where no stamp says it."""
    return _read(product).get("made_from")


def made(product: Path, name: str) -> str | None:
    """Return the hash of a file that was made with another, as the stamp says or else its content."""
    if not product.with_name(name).exists():
        return None
    return _read(product).get("made", {}).get(name) or digest(product.with_name(name))


def code(modules: Mapping[str, str]) -> dict[str, str]:
    """Name the source files of a stage as a stamp does."""
    return {f"{_CODE}{name}": value for name, value in modules.items()}


def differences(made_from: Mapping[str, str], now: Mapping[str, str | None]) -> list[str]:
    """Say what is not as it was when a file was made; what it read of other runs is not compared."""
    then = {key.removeprefix(_CODE): made_from[key] for key in made_from if key.startswith(_CODE)}
    code = {key.removeprefix(_CODE): now[key] for key in now if key.startswith(_CODE)}
    others = [key for key in now if not key.startswith(_CODE) and now[key] != made_from.get(key)]
    return [f"another {key}" for key in others] + [
        f"edited: {name}" for name in sources.edited(then, code)
    ]


def of_run(run: RunConfig, inputs: Mapping[str, str | Path | None]) -> dict[str, str | None]:
    """Name all that a run is made from."""
    found: dict[str, str | None] = {"configuration": run.sha256()}
    found |= code(sources.digests(sources.of_run(run)))
    return found | {f"input {kind}": digest(Path(path)) for kind, path in inputs.items() if path}


def in_folders(pattern: str, config_dir: Path = config.CONFIG_DIR) -> list[Path]:
    """List files of the experiments' folders."""
    return [path for _, path in folders.files(pattern, config_dir)]


def called_in_folders(config_dir: Path = config.CONFIG_DIR) -> list[str]:
    """Name the modules of the folders that the report calls wherever they are."""
    return [folders.module(path) for name in CALLED for path in in_folders(name, config_dir)]


def templates(config_dir: Path = config.CONFIG_DIR) -> list[Path]:
    """List the templates of the paper, and what lies with them."""
    return [*sorted(TEMPLATES.rglob("*.*")), *in_folders("*.tex.j2", config_dir)]


def _label(path: Path) -> str:
    """Name a file by its last folders alone, which stay when the rest of its path is another."""
    return "/".join(path.parts[-4 if path.parent.name.startswith("seed") else -2 :])


def of_print(
    command: str, name: str, scale: str, files: Iterable[Path], config_dir: Path = config.CONFIG_DIR
) -> dict[str, str | None]:
    """Name all that a table, a figure, the frames or the paper is made from."""
    stage = {"aggregate": ["artifacts"], "paper": ["paper"], "page": ["results_page.build"]}
    modules = [*stage.get(command, ["artifacts"]), *called_in_folders(config_dir)]
    entry = {}
    if command == "figure":
        modules += [folders.module(path) for path in in_folders(f"{name}.py", config_dir)]
    elif command == "table":
        entry["entry"], called = table_entries.made_from(name, config_dir)
        modules += called
    the_scale = config.read_scale(scale, config_dir)
    said = {"scale": scale, "title of the scale": the_scale.title}
    about_claims = command in ("paper", "page") or captions.about_claims(name, config_dir)
    if about_claims:
        said["experiments of the scale"] = " ".join(the_scale.experiments)
    texts = {"paper": templates(config_dir), "page": PAGE.glob("*.[!p]*")}  # not what is Python
    paths = [*map(Path, files), *sorted(texts.get(command, ())), config_dir / "reported.yaml"]
    paths += in_folders("about.yaml", config_dir)  # for names in print
    if command == "page":
        paths += in_folders("captions.yaml", config_dir)
    if about_claims:
        paths += in_folders("claims.yaml", config_dir)
    read = {_label(path): digest(path) for path in paths}
    return said | entry | code(sources.digests(sources.closure(*modules))) | read
