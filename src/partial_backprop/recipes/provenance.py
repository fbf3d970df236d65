"""Where and how a record was made."""

import hashlib
import platform
import resource
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partial_backprop import __version__, sources
from partial_backprop.record import Provenance, Record, write
from partial_backprop.run_config import RunConfig

if TYPE_CHECKING:
    import torch

PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "scipy",
    "scikit-learn",
    "KDEpy",
    "sacrebleu",
    "pydantic",
)


def code_sha256(modules: dict[str, str]) -> str:
    """Hash the code that makes the numbers of a run, wherever its files lie."""
    return hashlib.sha256("".join(sorted(modules.values())).encode()).hexdigest()


def processor() -> str:
    """Name the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _installed(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def provenance(config: RunConfig, device: "torch.device | None", wall_s: float) -> Provenance:
    """Describe this process."""
    name, threads, capabilities = processor(), 1, {}
    # Linux counts the peak in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    if device is not None:
        import torch  # here, so that a run without torch need not wait for it

        from partial_backprop.layers import kernels
        from partial_backprop.training.precision import bf16_instructions

        threads = torch.get_num_threads()
        capabilities = bf16_instructions()._asdict()
        capabilities["compiled_layers"] = kernels.library() is not None
        if device.type == "cuda":
            name = torch.cuda.get_device_name(device)
            peak = torch.cuda.max_memory_allocated(device)
    modules = sources.digests(sources.of_run(config))
    return Provenance(
        version=__version__,
        code_sha256=code_sha256(modules),
        modules=modules,
        packages={name: _installed(name) for name in PACKAGES},
        python=platform.python_version(),
        device=name,
        processor=processor(),
        **capabilities,
        platform=platform.platform(),
        threads=threads,
        wall_s=round(wall_s, 3),
        peak_memory_bytes=peak,
    )


def write_record(
    config: RunConfig, out: Path, device: "torch.device | None", wall_s: float, **found: Any
) -> None:
    """Write ``record.json`` with what a run found: it comes last, since where it is the run is complete."""
    made = Record(
        experiment=config.experiment,
        arm=config.arm,
        seed=config.seed,
        scale=config.scale,
        config=config,
        config_sha256=config.sha256(),
        provenance=provenance(config, device, wall_s),
        **found,
    )
    write(made, out / "record.json")
