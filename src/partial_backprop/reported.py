"""The numbers that the source documents print, each with its document, place and line.

They stand in ``config/reported.yaml`` and nowhere else, and are shown beside measured numbers.
"""

from pathlib import Path

import pydantic

from partial_backprop.config import CONFIG_DIR
from partial_backprop.errors import UserError
from partial_backprop.files import read_yaml, validated


class _Frozen(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


class Entry(_Frozen):
    """Numbers printed in one place of a document."""

    place: str
    """Table, figure or section, as the document calls it."""
    line: int = pydantic.Field(ge=1)
    """Line of the document's text, from 1."""
    data: str | None = None
    """Data set of the numbers, where they have one."""
    answer: bool | None = None
    """What the document answers to a true/false question."""
    values: dict[str, float]
    """Quantity, with its unit in its name -> number as printed."""


class Document(_Frozen):
    """One source document."""

    title: str
    source: str
    """Where it is found."""
    entries: dict[str, Entry]


class Reported(_Frozen):
    """All printed numbers, by document."""

    documents: dict[str, Document]

    def entry(self, document: str, name: str) -> Entry:
        """Return the numbers of one place."""
        try:
            return self.documents[document].entries[name]
        except KeyError:
            raise UserError(
                f"reported.yaml has no entry {name!r} of document {document!r}: add it with its line"
            ) from None


def read(directory: Path = CONFIG_DIR) -> Reported:
    """Read ``reported.yaml``."""
    path = directory / "reported.yaml"
    return validated(Reported, {"documents": read_yaml(path)}, str(path))
