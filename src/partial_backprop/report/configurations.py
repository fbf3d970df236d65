"""Every run with all fields of its configuration, and the hashes of it and of its record."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from partial_backprop.inputs import Run

_FIRST = ("experiment", "arm", "seed", "configuration_sha256", "record_sha256", "wall_s")
_IDENTITY = ("schema_version", "scale", "experiment", "arm", "seed")


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Keys of nested mappings, joined by points -> values; lists are JSON."""
    if isinstance(value, Mapping) and value:
        joined = (_flat(below, f"{prefix}.{key}".strip(".")) for key, below in value.items())
        return {key: leaf for part in joined for key, leaf in part.items()}
    return {prefix: json.dumps(value) if isinstance(value, list | dict) else value}


def frame(runs: Sequence[Run]) -> pd.DataFrame:
    """Tabulate configurations."""
    rows = []
    for run in runs:
        record = run.record
        plain = json.dumps(record.reproducible(), sort_keys=True, separators=(",", ":"))
        rows.append(
            {
                **dict(zip(_FIRST[:3], run.key, strict=True)),
                "configuration_sha256": record.config_sha256,
                "record_sha256": hashlib.sha256(plain.encode()).hexdigest(),
                "wall_s": record.provenance.wall_s,
                **_flat(record.config.model_dump(mode="json", exclude=set(_IDENTITY))),
            }
        )
    found = pd.DataFrame(rows, columns=None if rows else _FIRST)
    return found[[*_FIRST, *sorted(found.columns.difference(_FIRST))]]
