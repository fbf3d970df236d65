"""Claims as the page shows them: the rows of ``table_claims.csv``, with the runs that they are about."""

import csv
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from partial_backprop import folders, labels
from partial_backprop.files import read_yaml
from partial_backprop.results_page.cells import cell

TABLE = "table_claims.csv"
SAME = "the same"
FIRST = "pb2020"
"""The source that the project is named after."""


def tabulate(table: Path, config_dir: Path) -> list[dict[str, Any]]:
    """Describe all claims of a ``table_claims.csv``."""
    sources: dict[str, dict[str, Any]] = {}
    for _, path in folders.files("claims.yaml", config_dir):
        content = read_yaml(path)
        known = sources.setdefault(content["source"], {"title": content["title"], "claims": {}})
        known["claims"] |= content["claims"]
        known.setdefault("files", {}).update(dict.fromkeys(content["claims"], path))
    with table.open(encoding="utf-8", newline="") as file:
        rows = [_row(fields, sources.get(fields["source"], {})) for fields in csv.DictReader(file)]
    for before, row in itertools.pairwise(rows):
        if row["claim"].startswith(SAME):  # which says nothing where rows are sorted
            said = before["claim"].rpartition(", ")[0] or before["claim"]
            row["claim"] = said + row["claim"].removeprefix(SAME)
    return sorted(rows, key=lambda row: row["source"] != FIRST)


def _row(fields: Mapping[str, str], source: Mapping[str, Any]) -> dict[str, Any]:
    runs = list(dict.fromkeys(_runs(fields["id"], source.get("claims", {}))))
    experiments = dict.fromkeys(labels.experiment(experiment) for experiment, _ in runs)
    keys = ("reported", "estimate", "low", "high")
    reported, estimate, low, high = alike(*(fields[key] for key in keys))
    return {
        **fields,
        "title": source.get("title", fields["source"]),
        "file": _from_root(source.get("files", {}).get(fields["id"], Path())),
        "experiments": list(experiments),
        "runs": [f"{experiment}/{arm}" for experiment, arm in runs],
        "reported": reported,
        "estimate": estimate,
        "interval": f"[{low}, {high}]" if low and low != high else "",
        "verdict_order": VERDICTS.index(fields["verdict"]) if fields["verdict"] in VERDICTS else 9,
        **{key: cell(fields[key]) for key in fields if key == "p" or key.startswith("p_")},
    }


def _from_root(path: Path) -> str:
    """A file of the checkout, from its root on."""
    root = Path(__file__).parents[3]
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


VERDICTS = ("reproduced", "contradicted", "error in the source", "undecided", "not run")
"""In the order in which a table sorts them."""


def alike(*texts: str) -> list[str]:
    """Print numbers with as many decimals as each other; an empty text stays."""
    values = [float(text) for text in texts if text]
    largest = max(map(abs, values), default=0)
    decimals = 0 if all(map(float.is_integer, values)) else 2 if largest >= 1 else 3
    return [f"{float(text):,.{decimals}f}" if text else "" for text in texts]


def _runs(name: str, claims: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Experiments and arms that a claim compares; an arm ``*`` is any."""
    claim = claims.get(name, {})
    for part in claim.get("parts", ()):
        yield from _runs(part, claims)
    what = claim.get("what") or {}
    for side in (what, what | (claim.get("base") or {})):
        listed = side.get("experiment", ())
        for experiment in [listed] if isinstance(listed, str) else listed:
            yield experiment, side.get("arm") or "*"
