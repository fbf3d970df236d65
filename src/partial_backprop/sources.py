"""Which source files a stage depends on, so that the workflow reruns it when one is edited.

Imports are read from the source text with `ast`; nothing is imported.
"""

import ast
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path

from partial_backprop import experiments, registry
from partial_backprop.errors import UserError
from partial_backprop.run_config import RunConfig

_ROOT = Path(__file__).parent

EQUAL = _ROOT / "equal_code.json"
"""Hash of code that is gone -> hashes of the code that is proved to do the same, and the proof
(`scripts/equal_code.py` adds to it). Runs made by the old code stay current."""

# A line up to its comment: strings, in which # means itself, and anything else.
_BEFORE_COMMENT = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^#"'])*""")
# What these do for a run is in its configuration's hash or in its record's schema.
_LEAVES = {
    "__init__",
    "cli",
    "commands",
    "config",
    "config_files",
    "errors",
    "files",
    "freezing_report",
    "gradients",
    "record",
    "registry",
    "run_config",
    "sources",
    "stamps",
}


# The workflow asks for each run's files. Looking for them and parsing them again for each would take
# most of the time in which it finds that there is nothing to do.
@cache
def _path(module: str) -> Path | None:
    first, *inner = module.split(".")
    stems = [_ROOT.joinpath(first, *inner)]
    if first == "experiments":
        stems += [Path(root, *inner) for root in experiments.__path__]
    for stem in stems:
        for path in (stem.with_suffix(".py"), stem / "__init__.py"):
            if path.exists():
                return path
    return None


def _name(path: Path) -> str:
    """Name a source file relative to the package, one of a user's folder as if it lay there."""
    if path.is_relative_to(_ROOT):
        return path.relative_to(_ROOT).as_posix()
    return f"experiments/{path.parent.name}/{path.name}"


def _read(path: Path) -> tuple[frozenset[str], str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":  # a kernel in C
        return frozenset(), hash_code(path.name, text)
    try:
        return _parsed(text)
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}: mend it") from None


def hash_code(path: str, text: str) -> str:
    """First 16 hexadecimal digits of a SHA-256 of a source file's code."""
    if path.endswith(".py"):
        return _parsed(text)[1]
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@lru_cache(maxsize=1024)  # by content, so that an edited file is parsed anew
def _parsed(source: str) -> tuple[frozenset[str], str]:
    """The modules that a source file imports, and a hash of its code."""
    nodes = list(ast.walk(ast.parse(source)))
    code = _code(source, nodes)
    return _imports(nodes), hashlib.sha256(code.encode()).hexdigest()[:16] if code else ""


def _code(source: str, nodes: Iterable[ast.AST]) -> str:
    """Leave out what changes no run: comments, blank lines, and strings that stand alone (docstrings)."""
    lines = source.split("\n")
    dropped: set[int] = set()
    kept: set[int] = set()  # lines inside a string, in which # and blanks mean themselves
    for node in nodes:
        spans = range(getattr(node, "lineno", 1), (getattr(node, "end_lineno", None) or 0) + 1)
        if isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str):
            if not lines[node.lineno - 1][: node.col_offset].strip():
                dropped.update(spans)
        elif isinstance(node, ast.Constant | ast.JoinedStr) and len(spans) > 1:
            kept.update(spans)
    found = []
    for number, line in enumerate(lines, start=1):
        if number in dropped:
            continue
        if number not in kept and "#" in line:
            end = _BEFORE_COMMENT.match(line).end()
            line = line[:end] if line[end : end + 1] == "#" else line
        if number in kept or line.strip():
            found.append(line if number in kept else line.rstrip())
    return "\n".join(found)


def _imports(nodes: Iterable[ast.AST]) -> frozenset[str]:
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("partial_backprop"):
            base = node.module.partition(".")[2]
            found |= {f"{base}.{alias.name}".strip(".") for alias in node.names} | {base}
        elif isinstance(node, ast.Import):
            names = (alias.name for alias in node.names)
            found |= {
                name.partition(".")[2] for name in names if name.startswith("partial_backprop.")
            }
    return frozenset(found - {""})


def closure(*modules: str) -> list[Path]:
    """List the source files that some modules need, themselves included."""
    found: set[Path] = set()
    missing = [module for module in modules if _path(module) is None]
    if missing:
        raise FileNotFoundError(f"the package has no module {', '.join(missing)}")
    waiting = list(modules)
    while waiting:
        path = _path(waiting.pop())
        if path is None or path in found or _name(path).removesuffix(".py") in _LEAVES:
            continue
        found |= {path, *path.parent.glob("*.[ch]")}
        waiting += _read(path)[0]
    return sorted(path for path in found if path.name != "__init__.py" or _has_code(path))


def _has_code(path: Path) -> bool:
    return bool(_read(path)[1])


def modules(run: RunConfig) -> list[str]:
    """Name the modules of a run: its recipe, network, data set and criterion."""
    found = [registry.module("recipes", run.recipe["name"])]
    found += [f"networks.{run.network['name']}"] if run.network else []
    found += [f"data.{run.data.dataset['name']}"] if run.data else []
    criterion = run.freezing.criterion if run.freezing else None
    # A control has another criterion in it, whose share it freezes; whole rows have another's score.
    while criterion:
        found += [f"freezing.{criterion[key]}" for key in ("name", "score") if key in criterion]
        criterion = criterion.get("like")
    return found


def of_run(run: RunConfig) -> list[Path]:
    """List the source files on which a run depends."""
    return closure(*modules(run))


def digests(files: Iterable[Path]) -> dict[str, str]:
    """Hash the code of source files one by one, so that one can say which was edited."""
    return {_name(path): _read(path)[1] for path in files}


def forget() -> None:
    """Read the table of equal code again."""
    _equal.cache_clear()


@cache
def _equal() -> dict[str, list[str]]:
    return {old: entry["now"] for old, entry in json.loads(EQUAL.read_bytes()).items()}


def _today(digest: str, now: frozenset[str], seen: frozenset[str] = frozenset()) -> set[str]:
    """The hashes that stand for a hash today: itself, or what it is proved to equal."""
    if digest in now or digest in seen or digest not in _equal():
        return {digest}
    return {
        found for successor in _equal()[digest] for found in _today(successor, now, seen | {digest})
    }


def edited(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Name the source files whose code was another; where a file lies does not count."""
    today = frozenset(now.values())
    had = {name: _today(digest, today) for name, digest in then.items()}
    known = set().union(*had.values())
    gone = {name for name, digests in had.items() if not digests <= today}
    return sorted(gone | {name for name, digest in now.items() if digest not in known})
