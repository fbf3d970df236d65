"""Which source files a stage depends on, so that the workflow reruns it when one is edited.

Imports are read from the source text with `ast`; nothing is imported.
"""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from partial_backprop.run_config import RunConfig

_ROOT = Path(__file__).parent
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
}


# The workflow asks for each run's files. Looking for them and parsing them again for each would take
# most of the time in which it finds that there is nothing to do.
@cache
def _path(module: str) -> Path | None:
    stem = _ROOT.joinpath(*module.split("."))
    for path in (stem.with_suffix(".py"), stem / "__init__.py"):
        if path.exists():
            return path
    return None


@cache  # by content, so that an edited file is parsed anew
def _imports(source: str) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
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
    """List the source files that some modules need, themselves included.

    Parameters
    ----------
    *modules : str
        Names relative to the package, such as ``figures.figure_2``.

    Returns
    -------
    list of pathlib.Path
        Files of this package, sorted; the leaves whose effect is in the configuration's hash or
        in the record's schema (configuration, record, registry, errors) are left out.

    Raises
    ------
    FileNotFoundError
        If a module does not exist.
    """
    found: set[Path] = set()
    missing = [module for module in modules if _path(module) is None]
    if missing:
        raise FileNotFoundError(f"the package has no module {', '.join(missing)}")
    waiting = list(modules)
    while waiting:
        path = _path(waiting.pop())
        if (
            path is None
            or path in found
            or path.relative_to(_ROOT).with_suffix("").as_posix() in _LEAVES
        ):
            continue
        found.add(path)
        waiting += _imports(path.read_text(encoding="utf-8"))
    return sorted(path for path in found if path.name != "__init__.py" or path.stat().st_size > 300)


def of_run(run: RunConfig) -> list[Path]:
    """List the source files on which a run depends: its recipe, network, data set and criterion.

    Parameters
    ----------
    run : RunConfig
        The run's resolved configuration.

    Returns
    -------
    list of pathlib.Path
        Files of this package, as `closure` finds them.
    """
    modules = [f"recipes.{run.recipe['name']}"]
    modules += [f"networks.{run.network['name']}"] if run.network else []
    modules += [f"data.{run.data.dataset['name']}"] if run.data else []
    criterion = run.freezing.criterion if run.freezing else None
    while criterion:  # a control has another criterion in it, whose share it freezes
        modules.append(f"freezing.{criterion['name']}")
        criterion = criterion.get("like")
    return closure(*modules)


def digests(files: Iterable[Path]) -> dict[str, str]:
    """Hash source files one by one, so that one can say which was edited.

    Parameters
    ----------
    files : iterable of pathlib.Path
        Files of this package.

    Returns
    -------
    dict of str to str
        Path in the package -> the first 16 hexadecimal digits of its SHA-256.
    """
    return {
        path.relative_to(_ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for path in files
    }
