"""From any text to LaTeX that prints it: escaping, and the type of what needs none.

Text from configurations and records is data and may hold anything. `escape` turns it into LaTeX
that pdfTeX typesets as it reads; `Tex` marks what is LaTeX already and passes through unchanged.
"""

import re
import unicodedata
from typing import Any


class Tex(str):
    """Text that is LaTeX already and must not be escaped again."""

    __slots__ = ()


SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
}
"""ASCII characters with a meaning of their own in LaTeX, or with another look in its fonts."""

_MATH = {
    "Α": "A", "Β": "B", "Γ": r"\Gamma", "Δ": r"\Delta", "Ε": "E", "Ζ": "Z", "Η": "H",
    "Θ": r"\Theta", "Ι": "I", "Κ": "K", "Λ": r"\Lambda", "Μ": "M", "Ν": "N", "Ξ": r"\Xi",
    "Ο": "O", "Π": r"\Pi", "Ρ": "P", "Σ": r"\Sigma", "Τ": "T", "Υ": r"\Upsilon",
    "Φ": r"\Phi", "Χ": "X", "Ψ": r"\Psi", "Ω": r"\Omega",
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\varepsilon",
    "ζ": r"\zeta", "η": r"\eta", "θ": r"\theta", "ι": r"\iota", "κ": r"\kappa",
    "λ": r"\lambda", "μ": r"\mu", "ν": r"\nu", "ξ": r"\xi", "ο": "o", "π": r"\pi",
    "ρ": r"\rho", "ς": r"\varsigma", "σ": r"\sigma", "τ": r"\tau", "υ": r"\upsilon",
    "φ": r"\varphi", "χ": r"\chi", "ψ": r"\psi", "ω": r"\omega", "ϵ": r"\epsilon",
    "±": r"\pm", "∓": r"\mp", "×": r"\times", "÷": r"\div", "·": r"\cdot", "−": "-",
    "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "≈": r"\approx", "≡": r"\equiv", "∼": r"\sim",
    "∞": r"\infty", "∂": r"\partial", "∇": r"\nabla", "∑": r"\sum", "∏": r"\prod",
    "√": r"\surd", "∫": r"\int", "∈": r"\in", "∉": r"\notin", "⊂": r"\subset",
    "∪": r"\cup", "∩": r"\cap", "∅": r"\emptyset", "→": r"\to", "←": r"\leftarrow",
    "↔": r"\leftrightarrow", "⇒": r"\Rightarrow", "↑": r"\uparrow", "↓": r"\downarrow",
    "′": "'", "ℓ": r"\ell", "‖": r"\|", "†": r"\dagger", "‡": r"\ddagger", "¬": r"\neg",
    "⁰": "^0", "¹": "^1", "²": "^2", "³": "^3", "⁴": "^4", "⁵": "^5", "⁶": "^6",
    "⁷": "^7", "⁸": "^8", "⁹": "^9", "⁻": "^-", "ⁿ": "^n",
    "₀": "_0", "₁": "_1", "₂": "_2", "₃": "_3", "₄": "_4", "₅": "_5", "₆": "_6",
    "₇": "_7", "₈": "_8", "₉": "_9",
}  # fmt: skip

_PLAIN = {
    "–": "--",
    "—": "---",
    "‑": "-",
    "‐": "-",
    "…": r"\dots{}",
    "“": "``",
    "”": "''",
    "„": ",,",
    "‘": "`",
    "’": "'",
    "•": r"\textbullet{}",
    "°": r"\textdegree{}",
    "µ": r"\textmu{}",
    "§": r"\S{}",
    "©": r"\textcopyright{}",
    "®": r"\textregistered{}",
    "™": r"\texttrademark{}",
    "€": r"\texteuro{}",
    "\N{NO-BREAK SPACE}": "~",
    "\N{NARROW NO-BREAK SPACE}": r"\,",
    "\N{THIN SPACE}": r"\,",
    "\N{ZERO WIDTH SPACE}": "",
}

UNICODE = {character: rf"\ensuremath{{{maths}}}" for character, maths in _MATH.items()} | _PLAIN
"""Characters beyond ASCII -> LaTeX; Latin letters with accents need none under T1 fonts."""

_ACCENTED = frozenset(
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØŒÙÚÛÜÝŸßàáâãäåæçèéêëìíîïñòóôõöøœùúûüýÿ"
    "ĂăĄąĆćČčĎďĐđĘęĚěĞğİıŁłŃńŇňŐőŔŕŘřŚśŞşŠšŤťŮůŰűŹźŻżŽž¡¿£"
)
_LIGATURES = re.compile(r"([-',!?])(?=[-',`])")


def _character(character: str) -> str:
    if character in SPECIAL:
        return SPECIAL[character]
    if character in UNICODE:
        return UNICODE[character]
    if character.isascii() or character in _ACCENTED:
        return character
    base = unicodedata.normalize("NFKD", character)
    readable = "".join(part for part in base if part.isascii() and part.isprintable())
    if readable:
        return escape(readable)
    return rf"\texttt{{[U+{ord(character):04X}]}}"


def escape(value: Any) -> Tex:
    """Turn a value into LaTeX that prints it as it reads."""
    if isinstance(value, Tex):
        return value
    text = unicodedata.normalize("NFC", str(value))
    text = re.sub(r"[ \t\r\n\f\v\u2028\u2029\x85]+", " ", text)
    text = "".join(part for part in text if unicodedata.category(part) not in ("Cc", "Cf"))
    # An empty group between two characters that a font would join (--, '', ,, and ?`).
    pieces = []
    for position, character in enumerate(text):
        pieces.append(_character(character))
        if _LIGATURES.match(text, position):
            pieces.append("{}")
    return Tex("".join(pieces))


def declarations() -> Tex:
    r"""Return the preamble's ``\DeclareUnicodeCharacter`` for every character of `UNICODE`."""
    lines = (
        rf"\DeclareUnicodeCharacter{{{ord(character):04X}}}{{{latex}}}"
        for character, latex in sorted(UNICODE.items())
        if character != "\N{NO-BREAK SPACE}"
    )
    return Tex("\n".join(lines))
