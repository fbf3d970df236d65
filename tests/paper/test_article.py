"""From records to a PDF: what is in it, that it is whole, and that it is the same twice."""

import re
import shutil
import subprocess
import unicodedata
from pathlib import Path
from typing import NamedTuple

import pytest
from tests import fake_paper, fakes
from tests.fake_paper import ROOT, SOURCE

from partial_backprop import artifacts, folders, paper
from partial_backprop.errors import UserError
from partial_backprop.inputs import Inputs, read_inputs
from partial_backprop.paper import article, latex, macros
from partial_backprop.paper.latex import overfull
from partial_backprop.paper.text import Tex

MOST_PAGES = 12
"""Before the references, and from them on."""


class Campaign(NamedTuple):
    """Records of a small scale; tables and figures are stubs."""

    config: Path
    records: list[Path]
    gradients: list[Path]
    tables: list[Path]
    figures: list[Path]

    def inputs(self, records: list[Path] | None = None) -> Inputs:
        records = self.records if records is None else records
        return read_inputs(fakes.SCALE, records, self.gradients, self.config)

    def build(self, pdf: Path) -> Path:
        return paper.build(
            fakes.SCALE,
            records=self.records,
            gradients=self.gradients,
            tables=self.tables,
            figures=[],
            pdf=pdf,
            config_dir=self.config,
            source=SOURCE,
        )


def make(root: Path, **what: object) -> Campaign:
    """Make up a campaign."""
    folder = fakes.write_config(root)
    return Campaign(folder, *fakes.write_campaign(root, folder, **what), *fake_paper.stubs(root))


@pytest.fixture(scope="module")
def campaign(tmp_path_factory) -> Campaign:
    networks = ["vgg19_cifar10", "lenet5_mnist"]
    root = tmp_path_factory.mktemp("campaign")
    return make(root, experiments=networks, arms=["fb", "pb"], seeds=[0, 1])


class Whole(NamedTuple):
    """All that can run, with the arms of the scale ``full``, as a paper."""

    inputs: Inputs
    pdf: Path
    source: str
    log: str


@pytest.fixture(scope="module")
def whole(tmp_path_factory, tex) -> Whole:
    root = tmp_path_factory.mktemp("whole")
    inputs = fake_paper.of(root / "runs")
    tables = fake_paper.tables(inputs, root / "tables")
    figures = fake_paper.figures(inputs, root / "figures")
    main = paper.render(inputs, tables, figures, root / "out", SOURCE)
    pdf = latex.compile(root / "out", root / "paper.pdf")
    made = main.with_suffix(".log").read_text(encoding="utf-8")
    return Whole(inputs, pdf, main.read_text(encoding="utf-8"), made)


def words(pdf: Path) -> str:
    """Text of a PDF in one line, hyphenation undone."""
    done = subprocess.run(["pdftotext", pdf, "-"], capture_output=True, check=True, text=True)
    text = unicodedata.normalize("NFKC", done.stdout).replace("-\n", "")
    return " ".join(text.split())


def log(pdf: Path) -> str:
    return (pdf.parent / "build" / fakes.SCALE / "paper.log").read_text(encoding="utf-8")


def test_the_longest_paper_has_at_most_twelve_and_twelve_pages(whole):
    assert max(latex.pages(whole.log)) <= MOST_PAGES


def test_no_box_is_too_wide(whole):
    assert [box for box in overfull(whole.log) if box[0] > 1] == []


def test_every_table_and_figure_is_in_the_paper_or_named_as_left_out(whole):
    plain = whole.source.replace("\\", "")
    unmeasured = {
        "figure_movement",
        "table_mask_stability",
        "table_criteria",
    }  # by any of the made-up runs
    for name in set(artifacts.names("figures")) - unmeasured:
        assert f"figures/{name}.pdf" in plain
    for name in set(artifacts.names("tables")) - unmeasured:
        assert f"{name}.csv" in plain or f"{name.rpartition('_')[0]}_*.csv" in plain, name


def test_no_sentence_of_the_longest_paper_has_a_hole(whole):
    text = whole.source.partition(r"\begin{document}")[2]
    assert not re.search(r"\bnan\b|\bNone\b", text)


def test_table_2_s_numbers_stand_in_the_pdf(whole):
    text = words(whole.pdf)
    for experiment in fakes.EXPERIMENTS:
        for arm in ("fb", "pb"):
            values = [
                100 * run.record.selection("last").test.n_correct / fakes.N_EXAMPLES["test"]
                for run in whole.inputs.runs
                if (run.record.experiment, run.record.arm) == (experiment, arm)
            ]
            assert f"{sum(values) / len(values):.2f}" in text


def test_the_title_of_a_scale_is_printed_whatever_it_is(campaign, tmp_path, tex):
    pdf = campaign.build(tmp_path / "paper.pdf")
    # What pdfTeX's fonts lack is printed by its number.
    assert fakes.TITLE.replace("数", "[U+6570]") in words(pdf)
    assert not overfull(log(pdf))


def test_the_same_records_give_the_same_bytes_anywhere(campaign, tmp_path, tex):
    pdf = campaign.build(tmp_path / "paper.pdf")
    again = campaign.build(tmp_path / "else where" / "again.pdf")
    assert again.read_bytes() == pdf.read_bytes()
    assert str(pdf.parent).encode() not in pdf.read_bytes()
    sources = list((pdf.parent / "build").rglob("*.tex"))
    assert len(sources) > 1
    assert not any(str(ROOT) in path.read_text(encoding="utf-8") for path in sources)


def test_without_any_run_there_is_still_an_article(tmp_path, tex):
    nothing = make(tmp_path, experiments=[])
    nothing.build(tmp_path / "paper.pdf")
    assert not overfull(log(tmp_path / "paper.pdf"))


def test_what_an_earlier_article_left_is_gone(campaign, tmp_path):
    old = tmp_path / "figures" / "figure_old.pdf"
    old.parent.mkdir()
    old.write_text("old", encoding="utf-8")
    main = paper.render(campaign.inputs(), campaign.tables, [], tmp_path, SOURCE)
    assert main == tmp_path / "paper.tex"
    assert not old.exists()
    assert r"\includegraphics" not in main.read_text(encoding="utf-8")


def test_a_table_that_is_not_there_is_named(campaign, tmp_path):
    gone = tmp_path / "table_1.tex"
    with pytest.raises(UserError, match=r"table_1\.tex.*make.*paper"):
        paper.render(campaign.inputs(), [gone], [], tmp_path / "out", SOURCE)
    gone.write_text("no table", encoding="utf-8")
    with pytest.raises(UserError, match=r"table_1\.tex.*table"):
        paper.render(campaign.inputs(), [gone], [], tmp_path / "out", SOURCE)


@pytest.fixture
def source(tmp_path) -> Path:
    """A copy of the templates that a test may change."""
    return shutil.copytree(SOURCE, tmp_path / "source")


def rendered(campaign: Campaign, source: Path, out: Path) -> str:
    main = paper.render(campaign.inputs(campaign.records[:1]), [], [], out, source)
    return main.read_text(encoding="utf-8")


def test_a_section_is_one_file_and_belongs_to_its_experiments(campaign, source, tmp_path):
    first = "\\#{ experiments: lab1 vgg19_cifar10 }\n\\section{Mine: \\VAR{scale}}"
    (source / "sections" / "55_mine.tex.j2").write_text(first, encoding="utf-8")
    other = "\\#{ experiments: lab1 }\n\\section{Theirs}"
    (source / "sections" / "56_theirs.tex.j2").write_text(other, encoding="utf-8")
    text = rendered(campaign, source, tmp_path / "out")
    results, mine, after = map(
        text.index, (r"\label{sec:results}", r"\section{Mine: fake}", r"\label{sec:errors}")
    )
    assert results < mine < after
    assert "Theirs" not in text


def test_sections_from_90_on_are_appendices(campaign, source, tmp_path):
    (source / "sections" / "89_last.tex.j2").write_text("LAST", encoding="utf-8")
    (source / "sections" / "95_more.tex.j2").write_text("MORE", encoding="utf-8")
    text = rendered(campaign, source, tmp_path / "out")
    assert text.index("LAST") < text.index(r"\bibliography{") < text.index(r"\appendix")
    assert text.index(r"\appendix") < text.index("MORE")


@pytest.mark.parametrize(
    ("name", "template", "said"),
    [
        ("50_x.tex.j2", r"\VAR{nosuch}", "nosuch"),
        ("50_x.tex.j2", r"\VAR{has.nosuch}", "nosuch"),
        ("50_x.tex.j2", "a\n\\BLOCK{if}", "50_x.tex.j2, line 2"),
        ("fifty.tex.j2", "", "begins with its number"),
    ],
)
def test_an_error_in_a_template_is_one_line(campaign, source, tmp_path, name, template, said):
    (source / "sections" / name).write_text(template, encoding="utf-8")
    with pytest.raises(UserError, match=said) as caught:
        rendered(campaign, source, tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_text_is_escaped_unless_it_is_latex():
    template = article.environment(SOURCE).from_string(
        r"\VAR{text} \VAR{tex} \VAR{number}\#{ note }"
    )
    filled = template.render(text="50 % of a_b", tex=Tex(r"\emph{x}"), number=3)
    assert filled == r"50 \% of a\_b \emph{x} 3"


def test_a_number_that_does_not_exist_stops_latex(campaign, source, tmp_path, tex):
    section = source / "sections" / "40_setup.tex.j2"
    section.write_text(r"\section{Results}\label{sec:results} \fact{no.such}", encoding="utf-8")
    rendered(campaign, source, tmp_path / "out")
    with pytest.raises(UserError, match=r"no\.such"):
        paper.compile(tmp_path / "out", tmp_path / "out.pdf")


def test_every_fact_of_the_templates_exists_and_is_a_single_macro(campaign):
    inputs = campaign.inputs([])
    known = macros.collect(inputs).keys()
    for path in (*SOURCE.rglob("*.tex.j2"), *(path for _, path in folders.files("*.tex.j2"))):
        used = set(re.findall(r"\\fact\{([^}]+)\}", path.read_text(encoding="utf-8")))
        assert used <= known, path
    text = macros.to_tex({"a.b": Tex("1"), "c": Tex("2")})
    assert text.endswith("\\newfact{a.b}{1}\n\\newfact{c}{2}\n")


ALLOWED_DIGITS = (
    r"\$[^$]*\$",  # mathematics
    r"\\multicolumn\{\d\}|\\arraystretch\}\{[\d.]+\}",
    r"\\begin\{(equation|algorithm|tabbing|longtable)\}.*?\\end\{\1\}",
    r"\\(VAR|BLOCK|#|fact|ref|label|cite[tp]?|emph|texttt|input|includegraphics|hspace|setlength)"
    r"(\[[^]]*\])?\{[^{}]*(\{[^{}]*\}[^{}]*)*\}",
    r"VGG1[69]|ResNet-20|ResNet-56|ResNet-110|DenseNet-121|LeNet-[35]|CIFAR-10|Conv-2",
    r"BLEU-4|Flickr8k|ResNet-101|bfloat16",
    r"table\\_\w+(\\_\w+)*\.csv",
    r"Labs?[ ~]\d( and \d)?",
    r"(Tables?|Figures?|numbers)~\d(, \d)*( and~\d+)?",  # of the source
    r"95\\,\\%",  # the interval's level
    r"SHA-256|Python~3\.7|since version 1\.0",
    r"[\[{]-?\d+(\.\d+)?(pt|in|em)[\]}]|figures?\\_2|SCALE=",
)


@pytest.mark.parametrize(
    "path",
    [*sorted((SOURCE / "sections").iterdir()), *(path for _, path in folders.files("*.tex.j2"))],
    ids=lambda path: path.name,
)
def test_no_number_is_typed_in_the_prose(path):
    text = path.read_text(encoding="utf-8")
    for pattern in ALLOWED_DIGITS:
        text = re.sub(pattern, " ", text, flags=re.DOTALL)
    assert not re.search(r"\d", text), re.findall(r".{0,30}\d.{0,30}", text)


def test_every_reference_is_cited_and_every_citation_is_a_reference():
    bib = (SOURCE / "references.bib").read_text(encoding="utf-8")
    entries = set(re.findall(r"^@\w+\{([^,]+),", bib, re.MULTILINE))
    of_folders = (path for _, path in folders.files("*.tex.j2"))
    paths = (*SOURCE.rglob("*.j2"), *of_folders)
    text = "".join(path.read_text(encoding="utf-8") for path in paths)
    groups = re.findall(r"\\cite[tp]?\{([^}]+)\}", text)
    cited = {key for group in groups for key in group.split(",")}
    assert cited == entries
