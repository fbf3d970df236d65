"""What a run leaves behind: one JSON file with its configuration, provenance and counts.

A record stores counts and never a bare ratio; who reads it divides. Wall time, memory and hardware
stand in `Provenance`, so that two runs of the same configuration can be compared by the rest
(`Record.reproducible`).
"""

import json
from pathlib import Path
from typing import Any, Literal, TypeVar

import pydantic

from partial_backprop.correct_images import CorrectImages
from partial_backprop.errors import UserError
from partial_backprop.files import write_atomically
from partial_backprop.freezing_report import FreezingReport
from partial_backprop.run_config import RunConfig, StrictModel, hash_plain, migrated

Report = TypeVar("Report", bound=StrictModel)
"""Type of what a recipe puts into a record's ``measurements``."""


class Count(StrictModel):
    """How many examples of a split were classified correctly."""

    n_correct: int = pydantic.Field(ge=0)
    n_examples: int = pydantic.Field(ge=1)

    @pydantic.model_validator(mode="after")
    def _within(self) -> "Count":
        if self.n_correct > self.n_examples:
            raise ValueError(f"n_correct ({self.n_correct}) exceeds n_examples ({self.n_examples})")
        return self


class Selection(StrictModel):
    """One way of choosing the epoch that is reported."""

    rule: Literal["last", "best_on_validation", "best_on_test"]
    """``best_on_test``: as in pb2020's listing; ``paper_protocol`` in older records."""
    epoch: int = pydantic.Field(ge=0)
    """Epoch from 0."""
    validation: Count | None
    """None where nothing was held out of the training set."""
    test: Count
    test_correct: CorrectImages | None = None
    """Which test images these are; absent in records of version 1 and from recipes that do not tell."""

    @pydantic.field_validator("rule", mode="before")
    @classmethod
    def _migrated(cls, rule: Any) -> Any:
        return "best_on_test" if rule == "paper_protocol" else rule

    @pydantic.model_validator(mode="after")
    def _counts_agree(self) -> "Selection":
        found = self.test_correct
        if found and (found.n_correct(), found.n_examples) != (
            self.test.n_correct,
            self.test.n_examples,
        ):
            raise ValueError("test_correct does not hold as many correct images as test")
        return self


class DataFacts(StrictModel):
    """The data that a run saw."""

    role: str
    name: str
    """Name of the data set that ran, never of the one it stands for."""
    sha256: str
    """Checksum of the images and labels that were used."""
    n_train: int
    n_validation: int
    n_test: int
    n_classes: int | None = None
    """None for data that have no classes."""
    image_shape: tuple[int, int, int]
    """Channels, height, width."""


class NetworkFacts(StrictModel):
    """The network that was trained."""

    name: str
    n_parameters: int
    full_size: bool
    """Whether it is the source's network, at its full width and depth."""


class Provenance(StrictModel):
    """Where and how a record was made; differs between two runs of one configuration."""

    version: str
    """Version of this package."""
    code_sha256: str
    """Hash of the package's source files."""
    modules: dict[str, str] = pydantic.Field(default_factory=dict)
    """Source file on which this run depends -> beginning of its own hash; absent in old records."""
    packages: dict[str, str]
    """Versions of the packages that make the numbers."""
    python: str
    device: str
    """Name of the processor or accelerator."""
    processor: str | None = None
    """Model name of the processor; absent in old records, as are the next two."""
    amx_bf16: bool | None = None
    avx512_bf16: bool | None = None
    """Whether the processor multiplies matrices in bfloat16; None where unknown or torch not used."""
    compiled_layers: bool | None = None
    """Whether the layers' kernels were there, or torch's own ran; None where torch was not used."""
    platform: str
    threads: int
    """CPU threads of the process."""
    wall_s: float
    """Seconds of training and evaluation, those of earlier, killed attempts included."""
    peak_memory_bytes: int
    """Peak resident memory of the process."""


class Record(StrictModel):
    """Result of one run."""

    schema_version: Literal[1, 2] = 2
    """From version 2 on, selections tell which test images are right, and validation may be absent."""
    experiment: str
    arm: str
    seed: int
    """Seed of the run."""
    scale: str
    config: RunConfig
    """In today's schema, whatever the file's."""
    config_sha256: str
    """Of the configuration as the file has it."""
    data: DataFacts | None = None
    network: NetworkFacts | None = None
    selections: tuple[Selection, ...] = ()
    freezing: FreezingReport | None = None
    measurements: dict[str, Any] = pydantic.Field(default_factory=dict)
    """Results of recipes that are no plain classification, by name with unit."""
    provenance: Provenance

    @pydantic.model_validator(mode="before")
    @classmethod
    def _verified_then_migrated(cls, content: Any) -> Any:
        # The hash is that of the configuration as it was written, before defaults of today are filled in.
        if not isinstance(content, dict):
            return content
        config = content.get("config")
        if isinstance(config, RunConfig):
            sha256 = config.sha256()
        elif isinstance(config, dict):
            sha256 = hash_plain(config)
            content = {**content, "config": migrated(config)}
        else:
            return content
        if sha256 != content.get("config_sha256"):
            raise ValueError("config_sha256 does not match the configuration in the record")
        return content

    def selection(self, rule: str) -> Selection:
        """Return the selection of a given rule."""
        for selection in self.selections:
            if selection.rule == rule:
                return selection
        raise KeyError(f"{self.experiment}/{self.arm}/seed{self.seed} has no selection {rule!r}")

    def measured(self, key: str, model: type[Report], what: str) -> Report:
        """Read a report out of the measurements."""
        where = f"the record of {self.experiment}/{self.arm}/seed{self.seed}"
        try:
            return model.model_validate(self.measurements[key])
        except KeyError:
            raise UserError(f"{where} tells nothing of {what}: run it again") from None
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise UserError(
                f"{where} is damaged ({place}: {first['msg']}): delete it and run it again"
            ) from None

    def reproducible(self) -> dict[str, Any]:
        """Return the part that two runs of one configuration have in common."""
        return self.model_dump(mode="json", exclude={"provenance"})


def write(record: Record, path: Path) -> None:
    """Write a record."""
    text = json.dumps(record.model_dump(mode="json"), indent=1, allow_nan=False)
    write_atomically(path, (text + "\n").encode())


def read(path: Path) -> Record:
    """Read and check a record."""
    try:
        return Record.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(
            f"cannot read the record {path}: {error.strerror}; run its training again"
        ) from None
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UserError(
            f"the record {path} is damaged or of another version ({key}: {first['msg']}): "
            "delete it and run its training again"
        ) from None
