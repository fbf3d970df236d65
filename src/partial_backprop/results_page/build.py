"""Put the page together from records, tables and figures."""

import base64
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import jinja2

from partial_backprop import captions, config, labels
from partial_backprop.files import write_atomically
from partial_backprop.inputs import read_inputs
from partial_backprop.results_page import cells, ledger, runs

TEMPLATES = Path(__file__).parent


def build(
    scale: str,
    *,
    records: Iterable[Path],
    tables: Sequence[Path],
    figures: Sequence[Path],
    out: Path,
    config_dir: Path = config.CONFIG_DIR,
) -> None:
    """Write the page, and beside each CSV table the same as HTML."""
    inputs = read_inputs(scale, records, config_dir=config_dir)
    known = captions.read(config_dir)
    shown = {path: cells.read(path) for path in tables if path.name != ledger.TABLE}
    claims = [
        row
        for path in tables
        if path.name == ledger.TABLE
        for row in ledger.tabulate(path, config_dir)
    ]
    rows = runs.tabulate(inputs.runs, out.parent, scale)
    page = _template("page.html.j2").render(
        scale=scale,
        title=inputs.title.rstrip("."),
        claims=claims,
        verdicts=ledger.VERDICTS,
        runs=rows,
        labels=labels,
        rules=labels.RULES,
        groups=_groups(known, shown, figures),
        data=_json(_data(rows, claims)),
        library=_library(),
        style=_text("page.css"),
        script=_text("page.js"),
    )
    for path in tables:
        text = _template("table.html.j2").render(
            table=shown.get(path) or cells.read(path),
            words=known[path.stem],
            name=path.name,
            style=_text("page.css"),
        )
        write_atomically(path.with_suffix(".html"), text.encode())
    write_atomically(out, page.encode())


def _data(rows: list[dict[str, Any]], claims: list[dict[str, Any]]) -> dict[str, Any]:
    """What the page's script reads."""
    from partial_backprop.figures import style  # it takes a second

    return {
        "runs": [row | {"name": labels.experiment(row["experiment"])} for row in rows],
        "claims": claims,
        "verdicts": ledger.VERDICTS,
        "arms": {row["arm"]: labels.arm(row["arm"]) for row in rows},
        "colors": {name: look.color for name, look in style.ARMS.items()},
        "rules": list(labels.RULES),
    }


def _groups(
    known: Mapping[str, captions.Caption],
    tables: Mapping[Path, cells.Cells],
    figures: Sequence[Path],
) -> dict[str, list[dict[str, Any]]]:
    """Tables and figures under the experiments that they belong to, in the order of the captions."""
    by_name = {path.stem: {"table": table} for path, table in tables.items()}
    by_name |= {path.stem: {"figure": _picture(path)} for path in figures}
    groups: dict[str, list[dict[str, Any]]] = {}
    for name, words in known.items():
        if name in by_name:
            groups.setdefault(words.of, []).append({"name": name, "words": words, **by_name[name]})
    return groups


def _picture(path: Path) -> dict[str, Any]:
    """A figure as WebP without loss, which takes half of PNG's bytes."""
    from PIL import Image

    with Image.open(path) as image:
        width, height = image.size
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", lossless=True, method=4)
    return {
        "width": width,
        "height": height,
        "base64": base64.b64encode(buffer.getvalue()).decode(),
    }


def _library() -> dict[str, str]:
    """DataTables, as the package itables brings it; importing that would take a second."""
    folder = Path(str(metadata.distribution("itables").locate_file("itables/html")))
    found = {
        kind: (folder / f"dt_bundle.{kind}").read_text(encoding="utf-8") for kind in ("js", "css")
    }
    return found | {"js": found["js"].replace("</script", r"<\/script")}


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("</", r"<\/")


def _text(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
