"""What a figure shows."""

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.text import Text


def said(artist: Artist) -> str:
    """All texts in a figure or panel."""
    return "\n".join(text.get_text() for text in artist.findobj(Text))


def placed(figure: Figure) -> list[Text]:
    """Texts that must stay inside the figure: titles, labels, remarks and legends."""
    found = [*figure.texts]
    legends = [*figure.legends]
    for panel in figure.axes:
        found += [*panel.texts, panel.title, panel._left_title]
        if panel.axison:
            found += [panel.xaxis.label, panel.yaxis.label]
        legends += [panel.get_legend()] if panel.get_legend() else []
    found += [text for legend in legends for text in legend.get_texts()]
    return [text for text in found if text.get_text() and text.get_visible()]
