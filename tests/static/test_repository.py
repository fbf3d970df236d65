"""Order in the tree: sizes, paths, links, ignored rooms, documented modules."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    path
    for folder in ("src", "tests", "benchmarks", "scripts")
    for path in (ROOT / folder).rglob("*.py")
)
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "config/**/*.md", "paper/**/*.md")
    for path in ROOT.glob(pattern)
)

MAX_BYTES = 1_000_000
MAX_LINES = 360
MACHINE_PATH = re.compile(r"(?<![\w.:/}~-])/(?:home|Users|root|work|mnt|scratch|tmp/venv)/\w")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_modules_are_documented():
    def is_documented(path: Path) -> bool:
        text = path.read_text(encoding="utf-8")
        return not text.strip() or bool(ast.get_docstring(ast.parse(text)))

    assert not [relative(path) for path in MODULES if not is_documented(path)]


def test_a_module_is_one_idea():
    sources = [path for path in MODULES if ROOT / "src" in path.parents]
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources}
    assert not [relative(path) for path, n_lines in lines.items() if n_lines >= MAX_LINES]


def test_no_large_file(files):
    published = ROOT / "results" / "published", ROOT / "paper" / "published.pdf"
    large = [
        relative(path)
        for path in files
        if path.stat().st_size > MAX_BYTES and not {path, *path.parents} & set(published)
    ]
    assert not large


def test_no_path_of_one_machine(files):
    found = []
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{relative(path)}: {match[0]}…" for match in MACHINE_PATH.finditer(text)]
    assert not found


@pytest.mark.parametrize(
    ("name", "ignored"),
    [
        ("data/MNIST/raw/train-images-idx3-ubyte", True),
        ("figures/demo/figure_1.pdf", True),
        ("figures/published/figure_1.pdf", False),
        ("paper/demo.pdf", True),
        ("paper/published.pdf", False),
        ("paper/published.json", False),
        ("paper/build/demo/demo.tex", True),
        ("paper/source/references.bib", False),
        ("results/demo/tables/table_1.csv", True),
        ("results/demo/runs/lenet5_mnist/fb/seed0/record.json", True),
        ("results/published/runs/lenet5_mnist/fb/seed0/record.json", False),
        ("results/bench/loop.json", False),
        ("src/partial_backprop/data/mnist.py", False),
        ("src/partial_backprop/paper/tex.py", False),
        (".venv/bin/python", True),
        (".snakemake/locks/0.input.lock", True),
        ("src/partial_backprop.egg-info/PKG-INFO", True),
        ("report.html", True),
    ],
)
def test_generated_rooms_are_ignored(name, ignored, git):
    asked = subprocess.run([*git, "check-ignore", "--quiet", "--no-index", name])
    assert (asked.returncode == 0) == ignored


def test_readme_is_there():
    assert ROOT / "README.md" in PAGES


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ +(.+?) *$", page.read_text(encoding="utf-8"), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_resolve(page):
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.S)
    targets = re.findall(r"\]\(([^)\s]+)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)
    broken = []
    for target in targets:
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors(path)):
            broken.append(target)
    assert not broken


DOTTED = re.compile(r"`(?:partial_backprop\.)?([a-z_]\w*(?:\.\w+)+)(?:\(\))?`")


def resolves(name: str) -> bool:
    """Whether modules of the package have a name; names of others are not asked about."""
    *parts, last = name.split(".")
    at = ROOT / "src" / "partial_backprop"
    keys = (at / "run_config.py").read_text(encoding="utf-8")  # such as training.threads
    if re.search(rf"^    {last}:", keys, re.MULTILINE) or not (
        (at / parts[0]).is_dir() or (at / f"{parts[0]}.py").is_file()
    ):
        return True
    for place, part in enumerate(parts):
        if (at / f"{part}.py").is_file():
            text = (at / f"{part}.py").read_text(encoding="utf-8")
            return all(re.search(rf"\b{one}\b", text) for one in [*parts[place + 1 :], last])
        at /= part
    return (at / last).is_dir() or (at / f"{last}.py").is_file()


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_modules_and_functions_that_pages_name_exist(page):
    names = set(DOTTED.findall(page.read_text(encoding="utf-8")))
    suffixes = (".py", ".md", ".json", ".yaml", ".csv", ".pt", ".smk", ".txt")
    assert [
        name for name in sorted(names) if not name.endswith(suffixes) and not resolves(name)
    ] == []
