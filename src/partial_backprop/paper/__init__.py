"""The article: from records, tables and figures to LaTeX sources and a PDF.

What users call is loaded on first use: tables need the escaping of `text`, and nothing else here.
"""

from typing import Any

__all__ = ["Tex", "build", "compile", "escape", "overfull", "render"]


def __getattr__(name: str) -> Any:
    if name in ("build", "render"):
        from partial_backprop.paper import article

        return getattr(article, name)
    if name in ("compile", "overfull"):
        from partial_backprop.paper import latex

        return getattr(latex, name)
    if name in ("Tex", "escape"):
        from partial_backprop.paper import text

        return getattr(text, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
