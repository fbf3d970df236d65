"""Check that every package of a lock is installed in the environment of this Python, and imports from it.

    .venv/bin/python scripts/check_environment.py envs/requirements.lock

pip leaves out what it finds elsewhere, on PYTHONPATH for instance; such an environment works until the
elsewhere is gone. Modules are looked up and not run, which takes a second where importing takes a minute.
"""

import importlib.util
import re
import sys
from importlib import metadata
from pathlib import Path

PREFIX = Path(sys.prefix).resolve()


def _inside(path: str | Path) -> bool:
    return Path(path).resolve().is_relative_to(PREFIX)


def _modules(distribution: metadata.Distribution) -> set[str]:
    """Names of the modules and packages that a distribution puts at the top."""
    tops = set()
    for file in distribution.files or ():
        first = file.parts[0]
        if file.suffix == ".py" and len(file.parts) == 1:
            tops.add(file.stem)
        elif file.name == "__init__.py" and first.isidentifier():
            tops.add(first)
    return tops


def problem(name: str, version: str) -> str | None:
    """Say what is wrong with one package, or None."""
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return f"{name} is not installed"
    if distribution.version.split("+")[0] != version:
        return f"{name} is {distribution.version}, not {version}"
    if not _inside(distribution.locate_file("")):
        return f"{name} is installed in {distribution.locate_file('')}"
    for module in sorted(_modules(distribution)):
        spec = importlib.util.find_spec(module)
        places = [] if spec is None else [*(spec.submodule_search_locations or [spec.origin])]
        if not any(_inside(place) for place in places):
            return f"{module} of {name} comes from {', '.join(places) or 'nowhere'}"
    return None


def main(lock: Path) -> str | None:
    """Check every line ``name==version`` of a lock; return the first few problems in one line."""
    pins = re.findall(r"^([\w.-]+)==([^\s;]+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    problems = [text for pin in pins if (text := problem(*pin))]
    if not problems:
        return None
    more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
    return (
        f"error: the new environment is not complete ({'; '.join(problems[:3])}{more}): "
        "look for settings of pip and Python in your shell and in pip.conf, and run this again"
    )


if __name__ == "__main__":
    sys.path.pop(0)  # this script's folder
    sys.exit(main(Path(sys.argv[1])))
