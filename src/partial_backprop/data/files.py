"""Data files that are missing or damaged, and their download."""

import contextlib
import hashlib
import os
import socket
import sys
import tempfile
from collections.abc import Iterable
from http.client import HTTPException
from pathlib import Path

from partial_backprop.errors import UserError
from partial_backprop.torchvision_compat import import_torchvision

TIMEOUT_S = 30
"""Seconds without an answer after which a download is given up."""


def damaged(path: Path, reason: str) -> UserError:
    """Make the error for a file that is there, but is not what its name says."""
    return UserError(f"{path} {reason}: delete it and put the published file in its place")


def content_of(path: Path) -> bytes:
    """Read a file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise damaged(path, f"cannot be read ({error.strerror})") from None


def check_md5(path: Path, content: bytes, expected: str) -> None:
    """Check a file's content against its published checksum."""
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != expected:
        raise damaged(path, f"is not the published file (its MD5 is {found}, not {expected})")


def _download(dataset: str, folder: Path) -> None:
    getattr(import_torchvision().datasets, dataset)(folder, download=True)


def fetch(dataset: str, folder: Path, wanted: Iterable[str]) -> None:
    """Download with torchvision those files of a data set that are missing."""
    # Everything arrives in a temporary folder, where torchvision verifies its checksum, and each
    # file is then moved to its place in one step: a download that is killed leaves no partial file
    missing = [name for name in wanted if not (folder / name).exists()]
    if not missing:
        return
    print(f"downloading {dataset} to {folder}", file=sys.stderr)
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_S)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as temporary:
            # Its progress bar would fill the log of a job with half a thousand lines.
            with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
                _download(dataset, Path(temporary))
            for name in missing:
                os.replace(next(Path(temporary).rglob(name)), folder / name)
    except (OSError, RuntimeError, HTTPException, StopIteration) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{folder} has no {', '.join(missing)}, and torchvision could not download {dataset} "
            f"({reason}): put the published files there, or set data_root to the folder above them"
        ) from None
    finally:
        socket.setdefaulttimeout(before)
