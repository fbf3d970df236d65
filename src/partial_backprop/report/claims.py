"""The claims of the sources, in ``claims.yaml`` of the folders: what is said, and how it is tested."""

import heapq
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pydantic

from partial_backprop import folders
from partial_backprop.errors import UserError
from partial_backprop.files import read_yaml, validated
from partial_backprop.reported import Reported

FILE = "claims.yaml"
"""Claims in a folder of experiments; those of one source may stand in several."""

Test = Literal[
    "equal", "equivalent", "higher", "lower", "exact", "increasing", "decreasing", "setting",
    "arithmetic", "layers", "stated", "all", "none",
]  # fmt: skip
"""How a claim is tested.

``equal``: the measured value is the reported one. ``equivalent``: a difference is within the margin
around zero. ``higher``, ``lower``: the value, or the difference to `base`, is above or below ``than``, by
more than the margin. ``exact``: every seed has the reported value, to the margin. ``increasing``,
``decreasing``: along the strengths of a descent. ``setting``: our runs have the source's setting.
``arithmetic``: what follows from the source's own numbers is what it prints. ``layers``: every layer has
the share of zeros that is printed for it, to the last digit. ``stated``: an error that reading shows.
``all``: every one of ``parts`` holds. ``none``: nothing tests it, for the reason given.
"""

Reason = Literal["no_experiment", "no_value"]
Verdict = Literal["reproduced", "contradicted", "undecided", "not run", "error in the source"]


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


class Side(_Strict):
    """Which numbers of the results frame; what is not said may be anything that leaves one per seed."""

    experiment: str | tuple[str, ...] | None = None
    """Of several, the one with the most seeds, or the first of these: nearest to the source's terms."""
    arm: str | None = None
    metric: str | None = None
    stage: str | None = None
    layer: str | None = None
    sparsity: float | None = None
    """Share that was to be zero."""
    bits: int | None = None
    """Of the quantized layers."""
    strength: float | None = None
    """λ of Lab 1."""
    decoding: str | None = None
    references: str | None = None


class Margin(_Strict):
    """A share of an error that the source prints."""

    share: float = pydantic.Field(gt=0)
    """Of 100 minus the accuracy."""
    of: str
    """Entry and quantity of the accuracy, in the unit of `reported`."""


class Claim(_Strict):
    """One claim of a source."""

    line: int = pydantic.Field(ge=1)
    """Line of the document, from 1."""
    claim: str
    """What the source says, in a few words."""
    test: Test
    what: Side | None = None
    """What is measured."""
    base: Side | None = None
    """With what it is compared, where that differs from `what`."""
    relation: Literal["difference", "ratio"] = "difference"
    reported: str | tuple[str, str] | None = None
    """Entry and quantity of ``reported.yaml``, such as ``table_1.vgg19_cifar10:frozen_percent``; of
    two, their difference or ratio, as in `relation`."""
    scale: float = 1.0
    """Factor from the reported number to our unit."""
    than: float = 0.0
    """What ``higher`` and ``lower`` compare with; ``exact`` and ``setting`` too where nothing is printed."""
    margin: float | Margin = 0.0
    """In our unit."""
    layers: str | None = None
    """Entries of the layers, such as ``lab2_c`` for ``lab2_c.final_fc.linear``; for ``layers``."""
    check: str | None = None
    """Name of a sum in `checks`, for ``arithmetic``."""
    guard: Side | None = None
    """An accuracy that must be above chance for a verdict."""
    chance: bool = False
    """Whether the claim is about a network at chance, which then forbids no verdict."""
    random: bool = True
    """Whether anything is drawn at random; else one run tells all."""
    parts: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    """Experiments that a claim without numbers of ours is about; all of its source's where none is said."""
    reason: Reason | None = None
    short: str | None = None
    """Name in print of a claim that the figure shows."""
    main: bool = False
    """Whether it is in the table of the paper's first pages, which is for claims that have a `short`."""

    @pydantic.model_validator(mode="after")
    def _complete(self) -> "Claim":
        needs = {
            "all": ("parts",), "none": ("reason",), "arithmetic": ("check",), "stated": (),
            "equal": ("what", "reported"), "layers": ("what", "layers"),
        }  # fmt: skip
        for key in needs.get(self.test, ("what",)):
            if not getattr(self, key):
                raise ValueError(f"the test {self.test} needs {key}")
        if self.what and not (self.what.experiment and self.what.metric):
            raise ValueError("what needs experiment and metric")
        return self


class Condition(_Strict):
    """What counts as the source's own terms."""

    data: tuple[str, ...] = ()
    """Printed names of the source's data set; empty where the source names none."""
    epochs: int | None = None
    """Epochs of the source's training; None where it tells none."""
    n_train: int | None = None
    """Training images of the source."""
    threshold: str | None = None
    """Entry and quantity of the source's threshold: another one of ours is tuned to the printed share."""


class Source(_Strict):
    """The claims of one document."""

    source: str
    """Its name in tables."""
    document: str
    """Its number in ``reported.yaml``."""
    title: str
    """Name in print."""
    conditions: dict[str, Condition] = pydantic.Field(default_factory=dict)
    """Experiment -> the source's own terms."""
    claims: dict[str, Claim]


def read(config_dir: Path | None, reported: Reported) -> tuple[Source, ...]:
    """Read the claims of all sources."""
    files = folders.files(FILE, config_dir) if config_dir else ()
    of_source: dict[str, list[tuple[Path, Source]]] = {}
    for _, path in files:
        found = _in_file(path)
        of_source.setdefault(found.source, []).append((path, found))
    merged = [_merged(parts, reported) for parts in of_source.values()]
    return tuple(sorted(merged, key=lambda source: source.document))


def _in_file(path: Path) -> Source:
    content = read_yaml(path)
    listed = content.pop("claims", {})
    if not isinstance(listed, dict):
        raise UserError(f"{path}: claims must be a mapping from names to claims")
    claims = {
        name: _checked(Claim, fields, f"{path}: claim {name}") for name, fields in listed.items()
    }
    source = _checked(Source, {"claims": {}, **content}, str(path))
    return source.model_copy(update={"claims": claims})


def _number(claim: tuple[str, Claim]) -> int:
    """The number in a claim's name, by which those of several files are put in order."""
    found = re.search(r"\d+", claim[0])
    return int(found[0]) if found else 0


def _merged(parts: list[tuple[Path, Source]], reported: Reported) -> Source:
    """One source of the files that have claims of it."""
    first, source = parts[0]
    conditions: dict[str, Condition] = {}
    origin: dict[str, Path] = {}
    for path, part in parts:
        if (part.document, part.title) != (source.document, source.title):
            raise UserError(
                f"{path}: document and title are not those of {source.source} in {first}"
            )
        for name in part.claims:
            if name in origin:
                raise UserError(f"{path}: claim {name} stands in {origin[name]} too")
            origin[name] = path
        conditions |= part.conditions
    listed = heapq.merge(*(part.claims.items() for _, part in parts), key=_number)
    merged = source.model_copy(update={"conditions": conditions, "claims": dict(listed)})
    for name, claim in merged.claims.items():
        for key, reference in _references(claim):
            try:
                value(reported, merged.document, reference)
            except KeyError:
                raise UserError(
                    f"{origin[name]}: claim {name}, key {key}: reported.yaml has no {reference!r}"
                ) from None
        for part in claim.parts:
            if part not in merged.claims:
                raise UserError(
                    f"{origin[name]}: claim {name}, key parts: there is no claim {part!r}"
                )
    return merged


def _checked(model: type[_Strict], fields: Any, where: str) -> Any:
    if not isinstance(fields, Mapping):
        raise UserError(f"{where} must be a mapping of keys")
    return validated(model, fields, where)


def _references(claim: Claim) -> list[tuple[str, str]]:
    found = [claim.reported] if isinstance(claim.reported, str) else list(claim.reported or ())
    pairs = [("reported", reference) for reference in found]
    return pairs + ([("margin", claim.margin.of)] if isinstance(claim.margin, Margin) else [])


def about(source: Source, name: str) -> list[tuple[str, ...]]:
    """Name the experiments that a claim is about."""
    claim = source.claims[name]
    if claim.what is None:
        return [claim.about or tuple(source.conditions)]
    sides = [side for side in (claim.what, claim.base) if side and side.experiment]
    return [
        (side.experiment,) if isinstance(side.experiment, str) else side.experiment
        for side in sides
    ]


def value(reported: Reported, document: str, reference: str) -> float:
    """Look a printed number up."""
    entry, _, quantity = reference.partition(":")
    return reported.documents[document].entries[entry].values[quantity]


def printed(claim: Claim, document: str, reported: Reported) -> float:
    """Return what the source prints, in our unit."""
    if claim.reported is None:
        return float("nan")
    references = [claim.reported] if isinstance(claim.reported, str) else claim.reported
    first, *others = (value(reported, document, reference) for reference in references)
    for other in others:
        first = first / other if claim.relation == "ratio" else first - other
    return claim.scale * first


def margin(claim: Claim, document: str, reported: Reported) -> float:
    """Return a claim's margin, in our unit."""
    if isinstance(claim.margin, Margin):
        return claim.margin.share * (100 - claim.scale * value(reported, document, claim.margin.of))
    return claim.margin
