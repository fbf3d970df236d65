"""Files read and written so that what goes wrong is told in one line and nothing is left half."""

import os
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partial_backprop.errors import UserError

if TYPE_CHECKING:
    import pydantic


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping with the safe loader."""
    return _mapping(path, _text(path))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        valid = ", ".join(sorted(other.stem for other in path.parent.glob("*.yaml"))) or "none"
        raise UserError(f"there is no file {path}: {path.parent} has {valid}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not valid YAML: {error}") from None


def _mapping(path: Path, text: str) -> dict[str, Any]:
    import yaml  # only where used, as the library needs neither it nor pydantic

    # The same safe loader in C, ten times as fast, where PyYAML was built with it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(text, Loader=loader)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} is not valid YAML: {reason}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UserError(f"{path} must hold a mapping of keys, not a {type(content).__name__}")
    return content


def read_checked(model: "type[pydantic.BaseModel]", path: Path) -> Any:
    """Read a YAML mapping and check it against a schema, once for each content of the file."""
    return _checked(model, path, _text(path))


@lru_cache(maxsize=256)
def _checked(model: "type[pydantic.BaseModel]", path: Path, text: str) -> Any:
    return validated(model, _mapping(path, text), str(path))


def validated(model: "type[pydantic.BaseModel]", content: Mapping[str, Any], where: str) -> Any:
    """Check a mapping against a schema."""
    import pydantic

    try:
        return model.model_validate(dict(content))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "its keys together"
        reason = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            reason = "unknown key; remove it or mend its spelling"
        elif first["type"] == "tuple_type":
            reason = f"must be a list, such as [0, 1], and is {first['input']!r}"
        elif first["type"] == "string_type":
            reason = f"must be text, and is {first['input']!r}: put it in quotes, or correct it"
        elif first["type"] == "string_pattern_mismatch":
            reason = f"{first['input']!r} has letters that it may not have: {reason}"
        raise UserError(f"{where}: {key}: {reason}") from None


def at_home(options: Mapping[str, Any]) -> dict[str, Any]:
    """Replace a leading ``~`` of every text by the home folder, as a shell does with a path."""
    return {
        key: os.path.expanduser(value) if isinstance(value, str) else value
        for key, value in options.items()
    }


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, flush it to disk, and rename it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(temporary, 0o666 & ~umask)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror}; free space or choose another folder"
        ) from error
