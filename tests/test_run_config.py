"""What a configuration's hash holds: everything but the precision at its default."""

import hashlib
import json
from pathlib import Path
from typing import Literal

import pytest

from partial_backprop import config, record, registry, run_config
from partial_backprop.errors import UserError
from partial_backprop.run_config import IN_ANY_PRECISION, FreezingConfig, RunConfig, TrainingConfig

PUBLISHED = sorted(Path(__file__).parents[1].glob("results/published/runs/*/*/seed0/record.json"))
IDENTITY = {"scale": "s", "experiment": "one", "arm": "fb", "seed": 0}


def run(recipe="classify", **training):
    return RunConfig(**IDENTITY, recipe={"name": recipe}, training=training)


def canonical(content):
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: "/".join(path.parts[-4:-2]))
def test_published_records_keep_their_hashes(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    assert canonical(content["config"]) == content["config_sha256"]
    found = record.read(path)
    assert found.config.sha256() == content["config_sha256"]
    # Records from before there was a choice of precision say nothing of it, and were float32.
    told = (content["config"]["training"] or {}).get("precision", "float32")
    assert found.config.training is None or found.config.training.precision == told


def test_there_are_published_records():
    assert PUBLISHED


def test_at_its_default_the_precision_is_neither_hashed_nor_written():
    told, untold = run(precision="float32"), run()
    assert told == untold
    assert told.sha256() == untold.sha256()
    dumped = told.model_dump(mode="json")
    assert dumped["training"].keys() == TrainingConfig.model_fields.keys() - {"precision"}
    assert "precision" not in told.model_dump_json()
    assert RunConfig.model_validate(dumped) == told


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_any_other_precision_is_hashed_and_read_back(precision):
    one = run(precision=precision)
    assert len({run().sha256(), one.sha256(), run(precision="bf16").sha256()}) == (
        2 if precision == "bf16" else 3
    )
    assert one.model_dump(mode="json")["training"]["precision"] == precision
    assert RunConfig.model_validate_json(one.model_dump_json()) == one


@pytest.mark.parametrize("recipe", ["caption", "inclusion", "compress", "weight_prune"])
def test_a_recipe_that_knows_float32_alone_refuses_the_others(recipe):
    assert run(recipe).training.precision == "float32"
    with pytest.raises(ValueError, match=f"recipe {recipe} computes in float32 alone"):
        run(recipe, precision="bf16")


def test_recipes_in_any_precision_exist():
    for name in IN_ANY_PRECISION:
        assert registry.resolve("recipes", {"name": name})["name"] == name


def test_an_arm_shares_no_epochs_of_another_precision(tmp_path):
    config_dir = tmp_path / "config"
    (config_dir / "scales").mkdir(parents=True)
    (config_dir / "experiments").mkdir()
    (config_dir / "scales" / "s.yaml").write_text("{title: s, seeds: [0], experiments: {one: {}}}")
    arms = """
      {bad: {training: {precision: bf16}},
       good: {training: {precision: bf16, shared_epochs: 0}},
       fb: {}}
    """
    path = config_dir / "experiments" / "one.yaml"
    path.write_text(f"{{title: One, training: {{}}, arms: {arms}}}")
    with pytest.raises(UserError, match=r"training\.shared_epochs") as caught:
        config.resolve("s", "one", "bad", 0, config_dir)
    assert "\n" not in str(caught.value)
    assert config.resolve("s", "one", "good", 0, config_dir).training.precision == "bf16"
    assert config.resolve("s", "one", config.TRUNK, 0, config_dir).training.precision == "float32"
    path.write_text("{title: One, training: {precision: bf16}, arms: {fb: {}}}")
    for arm in ("fb", config.TRUNK):
        assert config.resolve("s", "one", arm, 0, config_dir).training.precision == "bf16"


def record_of(content):
    """A record of schema version 1 whose configuration holds what `content` says."""
    plain = {**run().model_dump(mode="json"), "schema_version": 1, **content}
    provenance = {
        "version": "0", "code_sha256": "0", "packages": {}, "python": "3", "device": "d",
        "platform": "p", "threads": 1, "wall_s": 1.0, "peak_memory_bytes": 1,
    }  # fmt: skip
    return {
        **IDENTITY, "config": plain,
        "config_sha256": canonical(plain), "provenance": provenance,
    }  # fmt: skip


@pytest.fixture
def second_schema(monkeypatch):
    """A schema whose version 2 calls `decay` `factor` in the records of version 1, and adds a key."""

    def renamed(content):
        training = dict(content["training"])
        training["decay"] = training.pop("factor")
        return {**content, "training": training}

    monkeypatch.setattr(run_config, "MIGRATIONS", (renamed,))

    class Training(TrainingConfig):
        ADDED = ("precision", "n_warm")
        n_warm: int = 0

    class Second(RunConfig):
        schema_version: Literal[2] = 2
        training: Training | None = None

    class SecondRecord(record.Record):
        config: Second

    return Second, SecondRecord


def old_training():
    training = run().model_dump(mode="json")["training"]
    training["factor"] = training.pop("decay") / 2
    return training


def test_a_record_of_an_older_schema_is_verified_as_written_and_migrated(second_schema):
    _, new_record = second_schema
    content = record_of({"training": old_training()})
    found = new_record.model_validate_json(json.dumps(content))
    assert found.config.training.decay == TrainingConfig().decay / 2
    assert found.config.training.n_warm == 0
    assert found.config.schema_version == 2
    assert found.config_sha256 == content["config_sha256"]


def test_a_tampered_record_of_an_older_schema_is_refused(second_schema):
    _, new_record = second_schema
    content = record_of({"training": old_training()})
    content["config"]["training"]["factor"] *= 2
    with pytest.raises(ValueError, match="config_sha256 does not match"):
        new_record.model_validate_json(json.dumps(content))


def test_a_record_of_a_later_schema_is_refused():
    content = record_of({"schema_version": 99})
    with pytest.raises(ValueError, match="schema_version 99"):
        record.Record.model_validate(content)


def test_an_added_key_changes_no_hash_at_its_default(second_schema):
    new_run, _ = second_schema
    fields = {**IDENTITY, "recipe": {"name": "classify"}, "schema_version": 2}
    assert (
        new_run(**fields, training={}).sha256()
        == new_run(**fields, training={"n_warm": 0}).sha256()
    )
    assert (
        new_run(**fields, training={}).sha256()
        != new_run(**fields, training={"n_warm": 1}).sha256()
    )


def test_an_option_that_a_module_got_later_leaves_a_record_current():
    now = config.resolve("demo", "lenet5_mnist", "pb", 0, Path(__file__).parents[1] / "config")
    network = dict(now.network)
    key = next(key for key in network if key != "name")
    before = now.model_copy(update={"network": {k: v for k, v in network.items() if k != key}})
    assert before != now
    assert config.is_same(before, now)
    other = now.model_copy(update={"network": {**network, "name": "no_such_network"}})
    assert not config.is_same(other, now)


def test_a_mask_of_one_batch_is_neither_hashed_nor_written():
    told, untold, several = (
        FreezingConfig(criterion={"name": "fixed"}, **extra)
        for extra in ({"mask_batches": 1}, {}, {"mask_batches": 8})
    )
    assert told.model_dump() == untold.model_dump()
    assert told.model_dump().keys() == FreezingConfig.model_fields.keys() - {"mask_batches"}
    assert FreezingConfig.model_validate(told.model_dump()) == told
    assert several.model_dump()["mask_batches"] == 8
    assert FreezingConfig.model_validate(several.model_dump()) == several
