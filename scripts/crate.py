"""Describe an archive as a Workflow Run RO-Crate: which workflow made which files, from what.

The metadata is JSON-LD, written by hand so that the same files give the same bytes. The profile is
https://w3id.org/ro/wfrun/workflow/0.5; ``rocrate-validator validate FOLDER --profile-identifier
workflow-run-crate-0.5`` checks an unpacked archive.
"""

import json
import mimetypes
from collections.abc import Iterable
from pathlib import Path

NAME = "ro-crate-metadata.json"
_ENGINE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
_AUTHORS = "#authors"
_LICENSE = "https://spdx.org/licenses/MIT"
_PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
_TYPES = {".md": "text/markdown", ".yaml": "application/yaml", ".gz": "application/gzip"}


def write(
    folder: Path, *, scale: str, version: str, date: str, made: Iterable[Path], snakemake: str
) -> None:
    """Write the metadata of an archive into its folder; made are its files that the run left."""
    inputs = sorted((folder / "config").rglob("*.yaml"))
    files = {_id(path, folder): path for path in [*inputs, *made] if path.is_file()}
    inputs_ids = [_id(path, folder) for path in inputs]
    results_ids = [name for name in sorted(files) if name not in inputs_ids]
    folders = [f"{path.name}/" for path in sorted(folder.iterdir()) if path.is_dir()]
    tops = [path.name for path in sorted(folder.iterdir()) if path.is_file()]
    tops = [name for name in tops if name not in (NAME, "Snakefile")]
    title = f"partial_backprop {version}: paper and results of scale {scale}"
    graph = [
        {
            "@id": NAME,
            "@type": "CreativeWork",
            "about": _ref("./"),
            "conformsTo": _refs(("https://w3id.org/ro/crate/1.1", [*_PROFILES][-1])),
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "conformsTo": _refs(_PROFILES),
            "name": title,
            "description": "Sources, configuration, records of all runs, tables, figures and the paper.",
            "version": version,
            "datePublished": date,
            "license": _ref(_LICENSE),
            "author": _ref(_AUTHORS),
            "publisher": _ref(_AUTHORS),
            "mainEntity": _ref("Snakefile"),
            "mentions": _ref("#run"),
            "hasPart": _refs(["Snakefile", *tops, *folders, *sorted(files)]),
        },
        *(
            {"@id": url, "@type": "CreativeWork", "name": name, "version": number}
            for url, (name, number) in _PROFILES.items()
        ),
        {
            "@id": "Snakefile",
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
            "name": "From configuration to paper",
            "encodingFormat": "text/plain",
            "version": version,
            "license": _ref(_LICENSE),
            "author": _ref(_AUTHORS),
            "programmingLanguage": _ref(_ENGINE),
        },
        {
            "@id": _ENGINE,
            "@type": ["ComputerLanguage", "SoftwareApplication"],
            "name": "Snakemake",
            "identifier": _ref("https://doi.org/10.1093/bioinformatics/bts480"),
            "url": _ref("https://snakemake.readthedocs.io"),
            "version": snakemake,
        },
        {
            "@id": "#run",
            "@type": "CreateAction",
            "name": f"snakemake --config scale={scale}",
            "description": "PROVENANCE.json names the commit, SHA256SUMS the checksum of each file.",
            "instrument": _ref("Snakefile"),
            "agent": _ref(_AUTHORS),
            "object": _refs(inputs_ids),
            "result": _refs(results_ids),
        },
        {"@id": _AUTHORS, "@type": "Organization", "name": "The partial_backprop authors"},
        {"@id": _LICENSE, "@type": "CreativeWork", "name": "MIT License"},
        *({"@id": name, "@type": "Dataset", "name": name.rstrip("/")} for name in folders),
        *(_file(name, folder / name) for name in tops),
        *(_file(name, files[name]) for name in sorted(files)),
    ]
    content = {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}
    (folder / NAME).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _id(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _ref(name: str) -> dict[str, str]:
    return {"@id": name}


def _refs(names: Iterable[str]) -> list[dict[str, str]]:
    return [_ref(name) for name in names]


def _file(name: str, path: Path) -> dict:
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "text/plain"
    described = {
        "@id": name,
        "@type": "File",
        "name": path.name,
        "encodingFormat": kind,
        "contentSize": str(path.stat().st_size),
    }
    return described | ({"about": _ref("./")} if name == "README.md" else {})
