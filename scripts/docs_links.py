"""MkDocs hooks: the paper's figures get into the site; links to other files outside of docs/ become paths."""

import re
from pathlib import Path
from typing import Any

_OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./([^)#\s]+)(?:#[^)]*)?\)")
_FIGURE = re.compile(r"\]\(\.\./figures/published/(\w+\.png)\)")
_FIGURES = Path(__file__).parents[1] / "figures" / "published"
SHOWN = ("figure_1",)
"""Published figures that pages show, as images/NAME.png."""


def on_files(files: Any, config: Any) -> Any:
    """Put published figures beside the pages."""
    file = type(
        next(iter(files))
    )  # mkdocs' own class, which only the site's environment could import
    for name in SHOWN:
        content = (_FIGURES / f"{name}.png").read_bytes()
        files.append(file.generated(config, f"images/{name}.png", content=content))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Show the path of each file outside of the site instead of a link to it."""
    return _OUTSIDE.sub(r"\1 (`\2`)", _FIGURE.sub(r"](images/\1)", markdown))
