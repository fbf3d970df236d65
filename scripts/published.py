"""Tell whether the committed paper and figures are older than the records that they show.

    python scripts/published.py write    # after `snakemake --config scale=published`
    python scripts/published.py check

``paper/published.json`` holds the checksums of all that was rendered and of all that it was rendered from:
records, templates, printed numbers, claims, benchmarks, and the modules that draw.
"""

import hashlib
import json
import sys
from pathlib import Path

from partial_backprop import artifacts, sources, stamps, table_entries
from partial_backprop.errors import UserError
from partial_backprop.measurements.caption_examples import PICTURES

ROOT = Path(__file__).parents[1]
MANIFEST = Path("paper") / "published.json"
RENDERED = ("paper/published.pdf", "figures/published/*.pdf", "figures/published/*.png")
SHOWN = ("results/published/runs/**/*", "results/bench/*.json")
_FOLDERS = "src/partial_backprop/experiments/*/"
DRAWN_BY = ("paper/source/**/*", "config/reported.yaml", f"{_FOLDERS}*.tex.j2")
DRAWN_BY += tuple(f"{_FOLDERS}{name}.yaml" for name in ("about", "claims", "tables*"))
PACKAGE = Path(sources.__file__).parent
_FIRST = 5


def _sums(root: Path, patterns: tuple[str, ...]) -> dict[str, str]:
    paths = {path for pattern in patterns for path in root.glob(pattern) if path.is_file()}
    return {path.relative_to(root).as_posix(): _sum(path) for path in sorted(paths)}


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _modules() -> dict[str, str]:
    called = {one for name in artifacts.names("tables") for one in table_entries.made_from(name)[1]}
    drawn = [artifacts.figure_module(name) for name in artifacts.names("figures")]
    everywhere = stamps.called_in_folders()
    paths = sources.closure("artifacts", "paper", *sorted(called), *drawn, *everywhere)
    return {path.relative_to(PACKAGE.parents[1]).as_posix(): _sum(path) for path in paths}


def checksums(root: Path = ROOT) -> dict[str, dict[str, str]]:
    """Compute the checksums of today: of what is rendered, and of what it is rendered from."""
    return {
        "rendered": _sums(root, RENDERED),
        "records": _sums(root, SHOWN),
        "sources": _sums(root, DRAWN_BY) | _modules(),
    }


def write(root: Path = ROOT) -> None:
    """Write the manifest of what has just been rendered."""
    for path in (root / "results" / "published").rglob(PICTURES):
        raise UserError(
            f"{path.relative_to(root)} puts photographs into figure_4, which may not be committed: "
            "delete it and render again"
        )
    found = checksums(root)
    if RENDERED[0] not in found["rendered"]:
        raise UserError(f"there is no {RENDERED[0]}: run `make published`")
    text = json.dumps(found, indent=1)
    (root / MANIFEST).write_text(text + "\n", encoding="utf-8")


def differences(root: Path = ROOT) -> list[str]:
    """Say what is not as it was when paper and figures were rendered; nothing where they are up to date."""
    try:
        was = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return [f"there is no readable {MANIFEST}"]
    lines = []
    for kind, now in checksums(root).items():
        then = was.get(kind, {})
        changed = [name for name in sorted({**then, **now}) if then.get(name) != now.get(name)]
        if changed:
            more = f" and {len(changed) - _FIRST} more" if len(changed) > _FIRST else ""
            lines.append(f"{kind}: {', '.join(changed[:_FIRST])}{more}")
    return lines


def main(command: str) -> None:
    """Run a command; the exit status of ``check`` is 1 where something differs."""
    if command == "write":
        write()
    elif found := differences():
        found = ["paper/published.pdf and figures/published are older than what they show:", *found]
        sys.exit("\n".join([*found, "run `make published` and commit them"]))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except UserError as error:
        sys.exit(f"error: {error}")
