"""From records to a PDF: what is in it, that it is whole, and that it is the same twice."""

import dataclasses
import re
import shutil
import subprocess
import unicodedata
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

import fakes
from partial_backprop import artifacts, paper
from partial_backprop.errors import UserError
from partial_backprop.inputs import read_inputs
from partial_backprop.paper import appendix, article, macros
from partial_backprop.paper.context import context
from partial_backprop.paper.latex import overfull
from partial_backprop.paper.text import Tex
from partial_backprop.run_config import FreezingConfig

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "paper" / "source"


class Campaign(NamedTuple):
    """All that an article is made from."""

    config: Path
    records: list[Path]
    gradients: list[Path]
    tables: list[Path]
    figures: list[Path]

    def build(self, pdf: Path) -> Path:
        return paper.build(
            fakes.SCALE,
            records=self.records,
            gradients=self.gradients,
            tables=self.tables,
            figures=self.figures,
            pdf=pdf,
            config_dir=self.config,
            source=SOURCE,
        )


def make(root: Path, **what: object) -> Campaign:
    """Make up a campaign, its tables and its figures."""
    folder = fakes.write_config(root)
    records, gradients = fakes.write_campaign(root, folder, **what)
    inputs = {
        "scale": fakes.SCALE,
        "records": records,
        "gradients": gradients,
        "config_dir": folder,
    }
    tables, figures = [], []
    for name in artifacts.names("tables"):
        tables.append(root / "tables" / f"{name}.tex")
        artifacts.make_table(name, tex=tables[-1], csv=tables[-1].with_suffix(".csv"), **inputs)
    for name in artifacts.names("figures"):
        figures.append(root / "figures" / f"{name}.pdf")
        artifacts.make_figure(name, pdf=figures[-1], png=figures[-1].with_suffix(".png"), **inputs)
    return Campaign(folder, records, gradients, tables, figures)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory) -> Campaign:
    return make(tmp_path_factory.mktemp("campaign"))


@pytest.fixture(scope="module")
def pdf(campaign, tmp_path_factory, tex) -> Path:
    return campaign.build(tmp_path_factory.mktemp("paper") / "paper.pdf")


def words(pdf: Path) -> str:
    """Text of a PDF in one line, hyphenation undone."""
    done = subprocess.run(["pdftotext", pdf, "-"], capture_output=True, check=True, text=True)
    text = unicodedata.normalize("NFKC", done.stdout).replace("-\n", "")
    return " ".join(text.split())


def log(pdf: Path, scale: str = fakes.SCALE) -> str:
    return (pdf.parent / "build" / scale / "paper.log").read_text(encoding="utf-8")


def test_the_article_has_its_parts(pdf):
    text = words(pdf)
    for heading in (
        "Abstract",
        "What was found",
        "Introduction",
        "Related work",
        "Method",
        "Experiments",
        "Results",
        "Departures, and errors found in the source",
        "Conclusion",
        "References",
        "Configuration",
        "All claims",
        "Hardware, versions and records",
        "How to regenerate this document",
    ):
        assert heading in text
    # What pdfTeX's fonts lack is printed by its number.
    assert fakes.TITLE.replace("数", "[U+6570]") in text


def test_stand_ins_are_named_in_the_abstract(pdf):
    abstract = words(pdf).split("Introduction")[0]
    assert "stand-ins, scenes for CIFAR-10 and digits for MNIST" in abstract


@pytest.mark.parametrize(
    ("name", "role", "stands_for"),
    [
        ("digits", "mnist", "MNIST"),
        ("scenes", "cifar10", "CIFAR-10"),
        ("fashion_mnist", "mnist", "MNIST"),
        ("mnist", "mnist", ""),
        ("MNIST", "mnist", ""),
        ("cifar10", "cifar10", ""),
        ("cifar10-jpeg", "cifar10", ""),
    ],
)
def test_a_data_set_in_its_own_role_is_no_stand_in(campaign, name, role, stands_for):
    inputs = read_inputs(fakes.SCALE, campaign.records[:1], [], campaign.config)
    (run,) = inputs.runs
    data = run.record.data.model_copy(update={"name": name, "role": role})
    played = dataclasses.replace(run, record=run.record.model_copy(update={"data": data}))
    (cast,) = context(dataclasses.replace(inputs, runs=(played,)), [], [])["data"]
    assert cast.stands_for == stands_for


def test_table_2_s_numbers_stand_in_the_pdf(campaign, pdf):
    frame = pd.read_csv(
        next(path for path in campaign.tables if path.stem == "table_2").with_suffix(".csv")
    )
    text = words(pdf)
    last = frame[frame["rule"] == "last"]
    assert len(last) == len(fakes.EXPERIMENTS)
    for _, row in last.iterrows():
        for arm in ("fb", "pb"):
            assert f"{row[f'{arm}_accuracy_percent_mean']:.2f}" in text
        # The same difference, from the records once more, in the sentences of the results.
        ends = (row[f"difference_points_{end}"] for end in ("mean", "low", "high"))
        mean, low, high = (f"{end:+.2f}".replace("-", "−") for end in ends)
        assert f"({mean} [{low}, {high}])" in text


def test_no_box_is_too_wide(pdf):
    assert [box for box in overfull(log(pdf)) if box[0] > 1] == []


def test_the_same_records_give_the_same_bytes_anywhere(campaign, pdf, tmp_path):
    again = campaign.build(tmp_path / "else where" / "again.pdf")
    assert again.read_bytes() == pdf.read_bytes()
    assert str(pdf.parent).encode() not in pdf.read_bytes()
    sources = list((pdf.parent / "build").rglob("*.tex"))
    assert len(sources) > 2
    assert not any(str(ROOT) in path.read_text(encoding="utf-8") for path in sources)


def test_one_network_with_one_seed(tmp_path, tex):
    one = make(tmp_path, experiments=["lenet5_mnist"], seeds=[0])
    text = words(one.build(tmp_path / "paper.pdf"))
    assert "VGG19, ResNet-110 and DenseNet-121 were not run at this scale" in text
    assert "need VGG19, which was not run" in text
    assert "undecided" in text
    assert not overfull(log(tmp_path / "paper.pdf"))


def test_without_any_run_there_is_still_an_article(tmp_path, tex):
    nothing = make(tmp_path, experiments=[])
    text = words(nothing.build(tmp_path / "paper.pdf"))
    assert "No network was run at this scale" in text
    assert "Nothing was run" in text
    assert not overfull(log(tmp_path / "paper.pdf"))


def test_what_an_earlier_article_left_is_gone(campaign, tmp_path):
    old = tmp_path / "tables" / "table_old.tex"
    old.parent.mkdir()
    old.write_text("old", encoding="utf-8")
    arguments = campaign.records, campaign.gradients, campaign.tables, []
    main = paper.render(fakes.SCALE, *arguments, tmp_path, campaign.config, SOURCE)
    assert main == tmp_path / "paper.tex"
    assert {path.name for path in (tmp_path / "tables").iterdir()} == {
        path.name for path in campaign.tables
    }
    assert r"\includegraphics" not in main.read_text(encoding="utf-8")


def test_a_table_that_is_not_there_is_named(campaign, tmp_path):
    gone = tmp_path / "table_1.tex"
    arguments = campaign.records, campaign.gradients, [gone], []
    with pytest.raises(UserError, match=r"table_1\.tex.*make it before the paper"):
        paper.render(fakes.SCALE, *arguments, tmp_path / "out", campaign.config, SOURCE)


@pytest.fixture
def source(tmp_path) -> Path:
    """A copy of the templates that a test may change."""
    return shutil.copytree(SOURCE, tmp_path / "source")


def rendered(campaign: Campaign, source: Path, out: Path) -> str:
    arguments = campaign.records[:1], [], [], []
    main = paper.render(fakes.SCALE, *arguments, out, campaign.config, source)
    return main.read_text(encoding="utf-8")


def test_a_section_is_one_file_and_belongs_to_its_experiments(campaign, source, tmp_path):
    first = "\\#{ experiments: lab1 lenet5_mnist }\n\\section{Mine: \\VAR{scale}}"
    (source / "sections" / "55_mine.tex.j2").write_text(first, encoding="utf-8")
    other = "\\#{ experiments: lab1 }\n\\section{Theirs}"
    (source / "sections" / "56_theirs.tex.j2").write_text(other, encoding="utf-8")
    text = rendered(campaign, source, tmp_path / "out")
    results, mine, after = (
        text.index(rf"\section{{{name}") for name in ("Results", "Mine: fake", "Departures")
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
        ("50_x.tex.j2", r"\VAR{findings.nosuch}", "nosuch"),
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
    section = source / "sections" / "50_results.tex.j2"
    section.write_text(r"\section{Results}\label{sec:results} \fact{no.such}", encoding="utf-8")
    rendered(campaign, source, tmp_path / "out")
    with pytest.raises(UserError, match=r"There is no fact no\.such"):
        paper.compile(tmp_path / "out", tmp_path / "out.pdf")


def test_every_fact_of_the_templates_exists_and_is_a_single_macro(campaign):
    inputs = read_inputs(fakes.SCALE, [], [], campaign.config)
    known = macros.collect(inputs).keys()
    for path in SOURCE.rglob("*.tex.j2"):
        used = set(re.findall(r"\\fact\{([^}]+)\}", path.read_text(encoding="utf-8")))
        assert used <= known, path
    text = macros.to_tex({"a.b": Tex("1"), "c": Tex("2")})
    assert text.endswith("\\newfact{a.b}{1}\n\\newfact{c}{2}\n")


ALLOWED_DIGITS = (
    r"\$[^$]*\$",  # mathematics
    r"\\begin\{(equation|algorithm|tabbing|longtable)\}.*?\\end\{\1\}",
    r"\\(VAR|BLOCK|#|fact|ref|label|cite[tp]?|emph|texttt|input|includegraphics|hspace|setlength)"
    r"(\[[^]]*\])?\{[^{}]*(\{[^{}]*\}[^{}]*)*\}",
    r"VGG19|ResNet-20|ResNet-56|ResNet-110|DenseNet-121|LeNet-5|CIFAR-10",
    r"BLEU-4|Flickr8k|ResNet-101|bfloat16",
    r"Labs?[ ~]\d( and \d)?",
    r"(Table|Figure)~\d",  # of the source
    r"95\\,\\%",  # the interval's level
    r"SHA-256|Python~3\.7|since version 1\.0",
    r"[\[{]\d+(\.\d+)?(pt|in|em)[\]}]|figures?\\_2|SCALE=",
)


@pytest.mark.parametrize(
    "path", sorted((SOURCE / "sections").iterdir()), ids=lambda path: path.name
)
def test_no_number_is_typed_in_the_prose(path):
    text = path.read_text(encoding="utf-8")
    for pattern in ALLOWED_DIGITS:
        text = re.sub(pattern, " ", text, flags=re.DOTALL)
    assert not re.search(r"\d", text), re.findall(r".{0,30}\d.{0,30}", text)


def test_every_reference_is_cited_and_every_citation_is_a_reference():
    bib = (SOURCE / "references.bib").read_text(encoding="utf-8")
    entries = set(re.findall(r"^@\w+\{([^,]+),", bib, re.MULTILINE))
    text = "".join(path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.j2"))
    groups = re.findall(r"\\cite[tp]?\{([^}]+)\}", text)
    cited = {key for group in groups for key in group.split(",")}
    assert cited == entries


def flat(value: object, prefix: str = "") -> dict[str, object]:
    if isinstance(value, dict) and value:
        return {
            key: leaf
            for name, below in value.items()
            for key, leaf in flat(below, f"{prefix}.{name}".strip(".")).items()
        }
    return {prefix: value}


def test_the_configuration_table_holds_every_field_of_every_run(tmp_path):
    """Put every run's configuration together again from the lines that are about it."""
    folder = fakes.write_config(tmp_path)
    records, _ = fakes.write_campaign(
        tmp_path, folder, experiments=fakes.EXPERIMENTS[:2], seeds=[0]
    )
    inputs = read_inputs(fakes.SCALE, records, [], folder)
    lines = appendix.settings(inputs)
    names = {"vgg19_cifar10": "VGG19", "resnet110_cifar10": "ResNet-110"}
    arms = {"fb": "FB", "pb": "PB", "pb_otsu": "PB, Otsu"}
    for run in inputs.runs:
        network, arm = names[run.record.experiment], arms.get(run.record.arm)
        if arm is None:
            continue
        about = {"all runs", network, arm, f"{network}, {arm}"}
        told = {line.key: line.value for line in lines if line.where in about}
        whole = flat(run.record.config.model_dump(mode="json"))
        for identity in ("schema_version", "scale", "experiment", "arm", "seed"):
            whole.pop(identity)
        assert told.keys() == {appendix.code(key) for key in whole}
        assert told[appendix.code("training.epochs")] == r"\texttt{12}"


def test_the_configuration_table_says_each_thing_as_widely_as_it_holds(tmp_path):
    folder = fakes.write_config(tmp_path)
    records, _ = fakes.write_campaign(
        tmp_path, folder, experiments=fakes.EXPERIMENTS[:2], seeds=[0]
    )
    inputs = read_inputs(fakes.SCALE, records, [], folder)
    changed = []
    for run in inputs.runs:
        epochs = {"vgg19_cifar10": 5}.get(run.record.experiment, 6)
        threads = 2 if run.record.arm == "pb" else 1
        training = run.record.config.training.model_copy(
            update={"epochs": epochs, "threads": threads}
        )
        config = run.record.config.model_copy(update={"training": training})
        found = run.record.model_copy(update={"config": config})
        changed.append(dataclasses.replace(run, record=found))
    lines = appendix.settings(dataclasses.replace(inputs, runs=tuple(changed)))
    found = {(line.where, line.key): line.value for line in lines}
    epochs, threads = appendix.code("training.epochs"), appendix.code("training.threads")
    assert found["VGG19", epochs] == r"\texttt{5}"
    assert found["ResNet-110", epochs] == r"\texttt{6}"
    assert found["PB", threads] == r"\texttt{2}"
    assert found["FB", threads] == r"\texttt{1}"
    assert ("all runs", epochs) not in found
    assert ("all runs", appendix.code("training.decay")) in found


def test_records_are_listed_with_the_hash_of_their_configuration(campaign):
    inputs = read_inputs(fakes.SCALE, campaign.records, [], campaign.config)
    lines = appendix.records(inputs)
    assert len(lines) == len(campaign.records)
    assert (lines[0].experiment, lines[0].arm, lines[0].seed) == ("VGG19", "FB", "0")
    hashes = {run.record.config_sha256[:12] for run in inputs.runs}
    assert {re.search(r"\{(\w+)\}", line.configuration)[1] for line in lines} == hashes
    assert len({line.result for line in lines}) == len(lines)


def test_the_paper_tells_whose_thresholds_it_has(campaign, tmp_path):
    texts = []
    for thresholds in ("printed", "printed_share"):
        config_dir = tmp_path / thresholds
        shutil.copytree(campaign.config, config_dir)
        with (config_dir / "scales" / f"{fakes.SCALE}.yaml").open("a", encoding="utf-8") as file:
            file.write(f"thresholds: {thresholds}\n")
        inputs = read_inputs(fakes.SCALE, campaign.records[:1], [], config_dir)
        assert context(inputs, [], [])["thresholds"] == thresholds
        sources = article.render(
            fakes.SCALE,
            campaign.records,
            campaign.gradients,
            campaign.tables,
            campaign.figures,
            tmp_path / f"{thresholds}_paper",
            config_dir,
            SOURCE,
        )
        texts.append(sources.read_text(encoding="utf-8"))
    assert texts[0] != texts[1]


def test_the_paper_tells_how_often_new_masks_are_made(campaign):
    inputs = read_inputs(fakes.SCALE, campaign.records[:1], [], campaign.config)
    assert context(inputs, [], [])["new_masks_every"] == ""
    (run,) = inputs.runs
    freezing = FreezingConfig(criterion={"name": "fixed"}, remask_every=35)
    settings = run.record.config.model_copy(update={"freezing": freezing})
    record = run.record.model_copy(update={"arm": "pb_remask35", "config": settings})
    changed = dataclasses.replace(inputs, runs=(dataclasses.replace(run, record=record),))
    assert "35 epochs" in context(changed, [], [])["new_masks_every"]
