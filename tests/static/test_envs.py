"""One list of versions: what names packages or versions agrees with ``envs/requirements.lock``."""

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
ENVS = ROOT / "envs"
LOCK = ENVS / "requirements.lock"
OF_TORCH = {"triton"}
"""What torch's builds for GPUs bring, and the package does without."""


def requirements(path: Path) -> dict[str, Requirement]:
    lines = (
        line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()
    )
    found = [Requirement(line) for line in lines if line]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


EXTRAS = set(requirements(ENVS / "trainers.txt"))
"""What only `partial_backprop.integrations` and its tests import."""


def pins() -> dict[str, str]:
    found = {}
    for name, requirement in requirements(LOCK).items():
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", f"{name} is not pinned"
        found[name] = specifier.version
    return found


def installs(path: Path) -> str:
    """What a file makes pip or conda install, its comments left out."""
    return re.sub(r"^\s*#.*$", "", path.read_text(encoding="utf-8"), flags=re.M)


def pythons() -> dict[str, str]:
    """Python version that each environment names, by file."""
    pattern = re.compile(r"\bpython[=:](\d+\.\d+)")
    names = ("environment.yaml", "Dockerfile", "apptainer.def")
    return {name: pattern.search(installs(ENVS / name))[1] for name in names}


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def needed_by(*extras: str) -> dict[str, Requirement]:
    """What the package and some of its extras ask for; all extras where none is named."""
    optional = project()["optional-dependencies"]
    lines = project()["dependencies"] + [
        line for extra in extras or optional for line in optional[extra]
    ]
    found = {canonicalize_name(Requirement(line).name): Requirement(line) for line in lines}
    own = found.pop("partial-backprop", None)
    return found | (needed_by(*own.extras) if own and extras else {})


def imported(*folders: str) -> set[str]:
    """Top-level names that the files below some folders import, those of this project left out."""
    found = set()
    own = {"partial_backprop"}
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        own.add(path.stem)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module.split(".")[0])
    return found - own - set(folders) - set(sys.stdlib_module_names)


def distributions(modules: set[str]) -> set[str]:
    """Distributions that bring some top-level modules."""
    by_module = metadata.packages_distributions()
    return {
        canonicalize_name(name) for module in modules for name in by_module.get(module, [module])
    }


def test_lock_holds_what_is_asked_for():
    locked = pins()
    for name, requirement in requirements(ENVS / "requirements.in").items():
        assert locked[name] in requirement.specifier


def test_lock_is_closed():
    """Every package that a locked one needs here is locked too, at a version that suits it."""
    locked = pins()
    for name in locked:
        for line in metadata.requires(name) or []:
            needed = Requirement(line)
            if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
                continue
            key = canonicalize_name(needed.name)
            if name == "torch" and re.match(r"nvidia-|cuda-|triton$", key):
                continue
            assert key in locked, f"{name} needs {needed.name}"
            assert needed.specifier.contains(locked[key], prereleases=True), (
                f"{name} needs {needed}"
            )


def test_lock_serves_every_build_of_torch():
    assert not [name for name in pins() if name.startswith("nvidia-")]
    assert not [version for version in pins().values() if "+" in version]


def test_project_asks_for_what_the_lock_holds():
    locked = pins()
    asked = requirements(ENVS / "requirements.in")
    for name, needed in needed_by("tests").items():
        assert name in asked
        assert locked[name] in needed.specifier


def test_the_library_needs_torch_and_numpy_alone():
    assert {Requirement(line).name for line in project()["dependencies"]} == {"numpy", "torch"}


def test_imports_of_the_package_are_its_dependencies():
    assert distributions(imported("src")) - OF_TORCH - EXTRAS <= needed_by("paper").keys()


def test_imports_of_tests_are_an_extra():
    found = distributions(imported("src", "tests", "benchmarks", "scripts")) - OF_TORCH - EXTRAS
    assert found <= needed_by("tests").keys()


def test_the_site_is_built_by_the_extra_for_it():
    assert requirements(ENVS / "docs.txt").keys() == needed_by("docs").keys() - {"numpy", "torch"}


@pytest.mark.parametrize("name", ["executors", "trainers"])
def test_what_tests_have_beside_the_environment_is_pinned_and_nothing_of_the_lock(name):
    beside = requirements(ENVS / f"{name}.txt")
    assert {spec.operator for one in beside.values() for spec in one.specifier} == {"=="}
    assert not beside.keys() & pins().keys()


@pytest.mark.parametrize("extra", ["accelerate", "lightning", "transformers"])
def test_a_trainer_is_tested_at_a_version_that_its_extra_asks_for(extra):
    beside = requirements(ENVS / "trainers.txt")
    for needed in map(Requirement, project()["optional-dependencies"][extra]):
        (pin,) = beside[canonicalize_name(needed.name)].specifier
        assert pin.version in needed.specifier


def test_imports_of_tests_and_tools_are_asked_for_by_name():
    asked = set(requirements(ENVS / "requirements.in"))
    used = distributions(imported("src", "tests", "benchmarks", "scripts"))
    assert used - OF_TORCH - EXTRAS <= asked


@pytest.mark.parametrize("name", ["Dockerfile", "apptainer.def"])
def test_environment_installs_the_lock_and_no_version_of_its_own(name):
    text = installs(ENVS / name)
    assert re.search(r"--requirement \S*requirements\.lock", text)
    assert not re.search(r"[\w\]](==|>=|~=)\d", text)


def test_conda_s_pip_brings_the_packages_of_the_lock():
    parsed = yaml.safe_load((ENVS / "environment.yaml").read_text(encoding="utf-8"))
    (pip,) = [entry["pip"] for entry in parsed["dependencies"] if isinstance(entry, dict)]
    assert pip == [f"{line.name}{line.specifier}" for line in requirements(LOCK).values()]


def test_conda_brings_no_package_of_the_lock():
    parsed = yaml.safe_load((ENVS / "environment.yaml").read_text(encoding="utf-8"))
    names = [entry for entry in parsed["dependencies"] if isinstance(entry, str)]
    assert names, "conda brings Python at least"
    assert not {re.split(r"[=<> ]", entry)[0] for entry in names} & set(pins())


def test_environments_share_one_python():
    versions = set(pythons().values())
    assert len(versions) == 1
    assert versions.pop() in Requirement(f"python{project()['requires-python']}").specifier


def test_containers_install_latex_as_make_does():
    for name in ("Dockerfile", "apptainer.def"):
        assert "scripts/system-packages" in installs(ENVS / name)


@pytest.mark.environment
def test_installed_versions_are_the_locked_ones():
    installed = {name: metadata.version(name).split("+")[0] for name in pins()}
    assert installed == pins()


def test_pre_commit_formats_with_the_locked_versions():
    parsed = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    versions = {Path(repo["repo"]).name: repo["rev"].removeprefix("v") for repo in parsed["repos"]}
    locked = pins()
    assert versions["ruff-pre-commit"] == locked["ruff"]
    assert versions["snakefmt"] == locked["snakefmt"]


def test_ci_tests_every_python_that_is_declared():
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]
    tested = jobs["fast-tests"]["strategy"]["matrix"]["python"]
    declared = re.findall(r"Python :: (3\.\d+)", "\n".join(project()["classifiers"]))
    assert tested == declared
    supported = Requirement(f"python{project()['requires-python']}").specifier
    assert all(version in supported for version in tested)
