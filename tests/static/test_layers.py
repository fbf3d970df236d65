"""Layers: which part may import which, and which parts work without torch."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import partial_backprop
from partial_backprop import folders, sources

PACKAGE = Path(partial_backprop.__file__).parent
FOLDERS = "partial_backprop.experiments"

SETTLED = {"correct_images", "errors", "registry", "config", "record", "files", "run_config"}
SETTLED |= {"freezing_report"}
"""What training and reporting build on: the record is all that passes between them."""
BUILDING_BLOCKS = {
    "data",
    "layers",
    "networks",
    "freezing",
    "pruning",
    "quantization",
    "sparsification",
}
BUILDING_BLOCKS |= {"captioning", "optim", "storage", "summary"}
PRINTED = SETTLED | {"measurements", "frames", "performance", "report", "folders"}
PRINTED |= {"table_entries", "facts", "labels", "reported", "gradients", "inputs", "intervals"}

ALLOWED = {
    "errors": set(),
    "experiments": set(),
    "folders": {"errors", "experiments", "files", "run_config"},
    "labels": {"folders"},
    "sources": {"errors", "experiments", "registry", "run_config"},
    "stamps": {"captions", "config", "files", "folders", "run_config", "sources", "table_entries"},
    "table_entries": {"config", "errors", "files", "folders"},
    "run_status": set(),
    "checkpoints": {"config", "standings"},
    "derived": SETTLED | {"config_files"},
    "preflight": SETTLED,
    "standings": SETTLED | {"folders", "run_status", "sources", "stamps"},
    "status": {"errors", "config", "run_status", "standings"},
    "ranges": set(),
    "registry": {"errors", "experiments", "ranges"},
    "files": {"errors"},
    "run_config": set(),
    "config_files": {"run_config"},
    "config": {"errors", "folders", "registry", "files", "config_files", "run_config"},
    "correct_images": {"run_config"},
    "freezing_report": {"run_config"},
    "record": {"correct_images", "errors", "files", "freezing_report", "run_config"},
    "gradients": {"errors", "record", "run_config"},
    "measurements": {"errors", "files", "record", "run_config"},
    "metrics": {"measurements"},
    "captioning": SETTLED | {"measurements", "data", "metrics", "storage", "training"},
    "performance": {"errors", "files", "run_config"},
    "mask": {"errors"},
    "torchvision_compat": {"errors"},
    "startup": set(),
    # Training, up to the record.
    "data": SETTLED | {"torchvision_compat"},
    "c_library": set(),
    "layers": {"c_library"},
    "networks": {"errors", "layers", "torchvision_compat"},
    "freezing": SETTLED | {"c_library", "layers", "mask", "ranges", "storage"},
    "integrations": {"errors", "freezing"},
    "pruning": {"errors", "measurements"},
    "optim": set(),
    "quantization": {"errors", "measurements", "pruning"},
    "sparse": set(),
    "sparsification": {"errors", "pruning"},
    "storage": {"errors", "files"},
    "summary": {"errors", "registry", "torchvision_compat"},
    "training": SETTLED,
    "recipes": SETTLED
    | BUILDING_BLOCKS
    | {"mask", "training", "gradients", "sources", "sparse", "measurements", "metrics"},
    "device_check": {"freezing", "mask", "run_config", "training"},
    # Printing, from the record.
    "reported": {"errors", "config", "files"},
    "inputs": SETTLED | {"gradients", "performance", "reported"},
    "frames": {
        "errors",
        "facts",
        "inputs",
        "labels",
        "measurements",
        "record",
        "reported",
    },
    "report": SETTLED
    | {"facts", "folders", "inputs", "labels", "measurements", "reported"}
    | {"table_entries"},
    "intervals": set(),
    "facts": SETTLED | {"inputs", "gradients", "labels"},
    "figures": set(),
    "paper": PRINTED | {"stamps"},
    "captions": {"config", "errors", "files", "folders", "run_config"},
    "results_page": SETTLED | {"captions", "figures", "folders", "inputs", "labels"},
    "artifacts": PRINTED | {"figures", "paper"},
}
"""Part (module or package) of the library -> the other parts that it may import."""

ENTRY_POINTS = {"__init__", "__main__", "cli", "commands"}
"""What users call; these may import everything, and do so when it is asked for."""

WITHOUT_TORCH = (
    set(ALLOWED)
    - BUILDING_BLOCKS
    - {"mask", "torchvision_compat", "startup", "training", "recipes", "device_check"}
    - {"integrations"}
)

TRAINED = "folders, trained"
PRINTED_THERE = "folders, printed"
"""What modules of the experiments' folders do: train (recipes and what only these import), or print."""

ALLOWED |= {
    TRAINED: ALLOWED["recipes"] | {"recipes"},
    PRINTED_THERE: PRINTED | {"figures", "paper"},
}

NEIGHBOURS = {"pruning_quantization": {"linear_models"}, "tinyscript": {"pruning_quantization"}}
"""Folder of experiments -> the others from which it may import."""

WITHOUT_TORCH |= {PRINTED_THERE}

FOREIGN = {"partial_backprop.integrations.lightning", "partial_backprop.integrations.transformers"}
"""Modules that need a package which is not in the environment: tests/integrations imports them."""


def recipes_alone() -> set[Path]:
    """Modules of the folders that nothing but recipes imports."""
    own = [path for _, path in folders.files("*.py")]
    recipes = [folders.module(path) for path in own if path.stem.startswith("run")]
    printing = [p for p in own if re.match("(figure_|rows|checks|paper|tables|statements)", p.stem)]
    printed = sources.closure("artifacts", "paper", *map(folders.module, printing))
    return set(sources.closure(*recipes)) - set(printed)


RECIPES = recipes_alone()


def part(path: Path) -> str:
    first, *inner = path.relative_to(PACKAGE).parts
    if first == "experiments" and len(inner) > 1:
        return TRAINED if path in RECIPES else PRINTED_THERE
    return first.removesuffix(".py")


def name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if part(path) not in ENTRY_POINTS)


def imports(path: Path) -> set[str]:
    """Modules that a file imports anywhere, inside functions too, by their full names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)} imports by a relative name"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_experiments_know_the_library_and_not_the_other_way():
    """Nothing imports from a folder of experiments but the folder, its neighbours and what users call."""
    for path in MODULES:
        found = {one.split(".")[2] for one in imports(path) if one.startswith(f"{FOLDERS}.")}
        own = path.parent.name if part(path) in (TRAINED, PRINTED_THERE) else None
        assert found <= {own} | NEIGHBOURS.get(own, set()), name(path)


def test_no_experiment_is_named_outside_of_the_folders():
    """But where captions are scored, whose scores a metric of the library counts too."""
    names = folders.every_experiment().keys()
    for path in MODULES:
        if part(path) in (TRAINED, PRINTED_THERE) or path.name == "captions.py":
            continue
        tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        texts = {node.value for node in tree if isinstance(node, ast.Constant)}
        assert not texts & names, name(path)


def test_every_part_has_its_layer():
    parts = {part(path) for path in MODULES}
    assert parts == set(ALLOWED), "give each part its layer in ALLOWED"


def test_imports_only_from_below():
    found = {}
    for path in MODULES:
        inner = [
            one
            for one in imports(path)
            if one.startswith("partial_backprop.") and not one.startswith(f"{FOLDERS}.")
        ]
        ours = {one.split(".")[1] for one in inner}
        found[name(path)] = ours & (set(ALLOWED) | ENTRY_POINTS) - ALLOWED[part(path)] - {
            part(path)
        }
    assert not {one: above for one, above in found.items() if above}


def test_what_comes_after_the_record_names_no_torch():
    light = [path for path in MODULES if part(path) in WITHOUT_TORCH]
    assert len(light) > 50
    roots = {name(path): {found.split(".")[0] for found in imports(path)} for path in light}
    assert not [
        one for one, found in roots.items() if found & {"torch", "torchvision", "tensorboard"}
    ]


def test_nothing_is_loaded_or_made_by_an_import(tmp_path):
    """One process imports everything, the parts without torch first."""
    light = [name(path) for path in MODULES if part(path) in WITHOUT_TORCH] + [
        "partial_backprop.cli"
    ]
    heavy = [name(path) for path in MODULES if part(path) not in WITHOUT_TORCH]
    heavy = [module for module in heavy if module not in FOREIGN]
    code = f"""
import importlib, sys
for module in {light}:
    importlib.import_module(module)
    assert "torch" not in sys.modules, module + " loads torch"
for module in {heavy}:
    importlib.import_module(module)
"""
    finished = subprocess.run(
        [sys.executable, "-B", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr
    assert not list(tmp_path.iterdir())
