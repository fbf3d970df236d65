"""The machine that measures: what stands beside every number."""

import os
import platform
import sys
from importlib import metadata

import psutil

from partial_backprop.performance import Machine
from partial_backprop.recipes.provenance import processor

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "KDEpy", "numba", "snakemake")

RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in the unit in which the system counts a process's memory."""

_LOOKED_S = 1.0


def n_cores() -> int:
    """Count the cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1


def describe(threads: int, device: str | None = None) -> Machine:
    """Describe the machine."""
    return Machine(
        device=device or processor(),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        packages={name: found for name in PACKAGES if (found := _version(name))},
        n_cores=n_cores(),
        threads=threads,
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        load=round(n_cores() * psutil.cpu_percent(_LOOKED_S) / 100, 2),
    )


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
