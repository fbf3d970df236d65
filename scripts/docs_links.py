"""MkDocs hook: links to files outside of docs/, which the site does not have, become their paths."""

import re
from typing import Any

_OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./([^)#\s]+)(?:#[^)]*)?\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Show the path of each file outside of the site instead of a link to it."""
    return _OUTSIDE.sub(r"\1 (`\2`)", markdown)
