"""What a figure shows."""

from matplotlib.artist import Artist
from matplotlib.text import Text


def said(artist: Artist) -> str:
    """All texts in a figure or panel."""
    return "\n".join(text.get_text() for text in artist.findobj(Text))
