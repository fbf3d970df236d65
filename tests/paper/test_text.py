"""Escaping: whatever a configuration says is printed as it reads, and nothing of it is run."""

import random
import re
import string
import subprocess
import unicodedata
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from partial_backprop.paper import latex
from partial_backprop.paper.text import SPECIAL, UNICODE, Tex, declarations, escape

NASTY = (
    string.punctuation,
    r"\input{/etc/passwd} \write18{rm x} ^^5c ^^M",
    "100 % & more_of #1 ~ {unbalanced $x^2",
    "}}} \\end{document}",
    "a--b---c ''quoted'' ``back'' ?` !` << >> ,,",
    "88.12 ± 0.21 × 10⁻⁵ − Ω ≤ α",
    "é ü ñ Ł ø ß Ğ",
    "“quoted” ‘single’ – — …",
    "日本語 and 🎉 and \ufb01",
    "tab\tnew\nline\r\n\n\nparagraph\x00\x07\u200b\u2028end",
)
TEMPLATE = r"""\documentclass{article}
\usepackage[utf8]{inputenc}\usepackage[T1]{fontenc}\usepackage{lmodern}
\usepackage{amsmath,amssymb}
%s
\begin{document}
%s
\end{document}
"""


def typeset(folder: Path, paragraphs: list[str]) -> str:
    """Compile escaped paragraphs and return the PDF's text."""
    body = "\n\n".join(rf"\noindent {paragraph}" for paragraph in paragraphs)
    (folder / "paper.tex").write_text(TEMPLATE % (declarations(), body), encoding="utf-8")
    pdf = latex.compile(folder, folder / "out.pdf")
    log = (folder / "paper.log").read_text(encoding="utf-8")
    assert "Missing character" not in log
    done = subprocess.run(
        ["pdftotext", "-layout", pdf, "-"], capture_output=True, check=True, text=True
    )
    return unicodedata.normalize("NFKC", done.stdout)


def test_nasty_text_is_printed(tmp_path, tex):
    text = typeset(tmp_path, [escape(nasty) for nasty in NASTY])
    squeezed = re.sub(r"\s", "", text)
    assert string.punctuation.replace("'", "’") in squeezed
    assert r"\input{/etc/passwd}\write18{rmx}^^5c^^M" in squeezed
    assert "100%&moreof" not in squeezed
    assert "a--b---c''quoted''" in squeezed.replace("’", "'").replace("”", "''")
    assert "88.12±0.21×10−5−Ω≤α" in squeezed
    assert "éüñŁøßĞ" in squeezed
    assert "paragraphend" in squeezed


def test_every_character_that_is_known_and_many_that_are_not_compile(tmp_path, tex):
    generator = random.Random(0)
    anything = [chr(generator.randrange(0x20, 0xD7FF)) for _ in range(2000)]
    known = [*UNICODE, *map(chr, range(0x180))]
    # One a word: a line of two thousand characters without a gap would break nowhere.
    typeset(tmp_path, [escape(" ".join(known)), escape(" ".join(anything))])


def test_tables_may_use_the_characters_as_they_are(tmp_path, tex):
    text = typeset(tmp_path, ["−0.24 ± 0.10 × 3 ≤ 5 – Ω"])
    assert "±" in text
    assert "Ω" in text


@given(st.text())
def test_escaped_text_is_one_line_of_balanced_known_characters(text):
    escaped = escape(text)
    assert isinstance(escaped, Tex)
    assert "\n" not in escaped
    bare = escaped.replace(r"\{", "").replace(r"\}", "")
    depth = 0
    for character in bare:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    assert not re.search(r"(?<!\\)[$&#%_]", re.sub(r"\\ensuremath\{[^{}]*\}|~", "", escaped))


@given(st.text(alphabet=string.ascii_letters + string.digits + " .;:()/+*=@"))
def test_plain_text_stays_as_it_is_but_for_blanks(text):
    assert escape(text) == re.sub(" +", " ", text)


@given(st.text())
def test_what_is_latex_already_is_left_alone(text):
    assert escape(Tex(text)) == text
    assert escape(escape(text)) == escape(text)


def test_every_special_character_is_escaped():
    for character in SPECIAL:
        assert escape(f"a{character}b") == f"a{SPECIAL[character]}b"
    assert set(SPECIAL) >= set("\\{}$&#%_^~")
