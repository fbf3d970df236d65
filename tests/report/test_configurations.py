"""The table of configurations holds every field of every run."""

import json

from tests import fakes

from partial_backprop.report import configurations


def leaves(value: object, prefix: str = "") -> dict[str, object]:
    if isinstance(value, dict) and value:
        return {
            key: leaf
            for name, below in value.items()
            for key, leaf in leaves(below, f"{prefix}.{name}".strip(".")).items()
        }
    return {prefix: value}


def test_every_field_of_every_run_is_there(tmp_path):
    runs = fakes.inputs(tmp_path, experiments=fakes.EXPERIMENTS[:2], seeds=(0, 1)).runs
    frame = configurations.frame(runs).set_index(["experiment", "arm", "seed"])
    assert len(frame) == len(runs)
    for run in runs:
        row = frame.loc[run.key]
        whole = leaves(run.record.config.model_dump(mode="json"))
        for identity in ("schema_version", "scale", "experiment", "arm", "seed"):
            whole.pop(identity)
        for key, value in whole.items():
            shown = row[key]
            if isinstance(value, list | dict):
                assert json.loads(shown) == value
            else:
                assert shown == value or (value is None and shown != shown) or shown is value
        assert row["configuration_sha256"] == run.record.config_sha256
    assert frame["record_sha256"].nunique() == len(runs)


def test_without_runs_there_is_a_head():
    assert list(configurations.frame(()).columns)[:3] == ["experiment", "arm", "seed"]
