# Names, paths and small questions that the other rule files ask.
import functools
import os
import shlex
import shutil
import sys
from pathlib import Path

from partial_backprop import config as configuration
from partial_backprop import (
    captions,
    derived,
    folders,
    preflight,
    stamps,
    table_entries,
)
from partial_backprop.config_files import Overlay, Settings
from partial_backprop.errors import UserError
from partial_backprop.files import at_home, validated
from partial_backprop.standings import GRADIENTS, Standings

# Folders of experiments of the user's own.
folders.use(configuration.CONFIG_DIR)


def or_workflow_error(function, *arguments):
    """Call a function of the package; a user-correctable error ends the workflow in one line."""
    try:
        return function(*arguments)
    except UserError as error:
        sys.exit(f"error: {error}")


told = or_workflow_error  # its name before, until no rule file has it

# What is given with the command beside the settings makes a scale of another name.
CHANGES = {key: config[key] for key in config if key in Overlay.model_fields}
SETTINGS = or_workflow_error(
    validated,
    Settings,
    {key: config[key] for key in config if key not in CHANGES},
    "config/config.yaml and --config",
)
SCALE_NAME = SETTINGS.scale
if CHANGES:
    SCALE_NAME = or_workflow_error(derived.derive_scale, SCALE_NAME, CHANGES)
SCALE = or_workflow_error(configuration.read_scale, SCALE_NAME)
RUNNING = SCALE.run(SETTINGS.also)
RESULTS = f"{'results' if SCALE.published else SETTINGS.results_root}/{SCALE_NAME}"
RUNS = f"{RESULTS}/runs"
FIGURES = f"figures/{SCALE_NAME}"
# Unfinished runs are no output, so that Snakemake does not delete them when it starts a job again.
CHECKPOINTS = f"{RESULTS}/.checkpoints"

# Settings that change no number. Rules take them as a resource, since another resource, unlike another
# parameter, is no reason to run again.
RUN_OPTIONS = shlex.join(
    f"--{key.replace('_', '-')}={getattr(SETTINGS, key)}"
    for key in ("device", "data_root", "checkpoint_every")
)
ARM_OPTIONS = RUN_OPTIONS + (" --tensorboard" if SETTINGS.tensorboard else "")

# All experiments, in the order of the paper.
EXPERIMENTS = [*folders.every_experiment(configuration.CONFIG_DIR)]
SAMPLED = [name for name in EXPERIMENTS if told(configuration.sampled, name)]

# What `make bench` measured, if it ran: it belongs to a machine and to no scale.
BENCHMARKS = sorted(map(str, Path("results/bench").glob("*.json")))

# What tables and figures are called; Snakemake's report reads captions from here, by the name of the rule.
CAPTIONS = told(captions.read)
config["captions"] = {name: words.caption for name, words in CAPTIONS.items()}
config["captions"]["build_paper"] = CAPTIONS["paper"].caption

# What the sources claim and how that is tested.
CLAIMS = [str(path) for path in stamps.in_folders("claims.yaml")]


# How each run stands, by what its files say.
STANDINGS = Standings(SCALE_NAME, Path(RESULTS), also=SETTINGS.also)
# Tables, figures, frames and the paper: file -> command, name, and the files that it reads.
PRINTS = {}
# An input of every job. Snakemake compares times, so what is not current gets a time before that of this
# folder, and for what is current it is ancient. (Files with the content of the last time count as old.)
CHANGED = Path(".snakemake/changed-since-it-was-made")
CHANGED.mkdir(parents=True, exist_ok=True)
os.utime(CHANGED, (2, 2))


wildcard_constraints:
    experiment="[a-z0-9_]+",
    arm="[a-z0-9_]+",
    seed="[0-9]+",


# Recipe -> the experiments of this scale whose runs follow it.
RECIPES = {}
for experiment in SCALE.experiments if not SCALE.published else ():
    RECIPES.setdefault(told(configuration.recipe, experiment), []).append(experiment)


def records(*arms, experiments=EXPERIMENTS, first_seed=False):
    """The records of some arms, or of all: those to be made, or, when published, those there."""
    if SCALE.published:
        names = [
            (path.parts[-4], path.parts[-3], path)
            for path in Path(RUNS).rglob("record.json")
        ]
        found = [
            path
            for experiment, arm, path in names
            if experiment in experiments and (not arms or arm in arms)
        ]
        return sorted(map(str, found))
    return [
        f"{RUNS}/{experiment}/{arm}/seed{seed}/record.json"
        for experiment in experiments
        if experiment in RUNNING
        for arm in or_workflow_error(configuration.arms, SCALE_NAME, experiment)
        if not arms or arm in arms
        for seed in seeds(experiment, arm)[: 1 if first_seed else None]
    ]


def seeds(experiment, arm=None):
    """The seeds of an experiment, or of one of its arms."""
    return or_workflow_error(
        configuration.seeds, SCALE_NAME, experiment, configuration.CONFIG_DIR, arm
    )


def gradients(experiments=SAMPLED):
    """The gradient samples of each experiment's first seed: those to be made, or those there."""
    if SCALE.published:
        found = Path(RUNS).glob("*/trunk/seed*/gradients.json")
        return sorted(str(path) for path in found if path.parts[-4] in experiments)
    return [
        f"{RUNS}/{experiment}/trunk/seed{seed}/gradients.json"
        for experiment, seed in or_workflow_error(STANDINGS.samples)
        if experiment in experiments
    ]


def read_by(name, experiments, arms=()):
    """What a table or figure reads: records, gradient samples, benchmarks, and files beside the records."""
    reads = CAPTIONS[name].reads
    found = records(*arms, experiments=experiments, first_seed=reads.first_seed)
    samples = gradients(SAMPLED if reads.gradients == "all" else reads.gradients)
    if reads.gradients_of_published and SCALE.published:
        samples = gradients()
    beside = [
        Path(record).with_name(beside_it).as_posix()
        for record in found
        for beside_it in (*reads.beside, *reads.beside_if_there)
        if (beside_it in reads.beside and not SCALE.published)
        or Path(record).with_name(beside_it).exists()
    ]
    return found, samples, BENCHMARKS if reads.benchmarks else [], beside


def run_of(wildcards, arm=None):
    """The experiment, arm and seed that a rule's wildcards name."""
    arm = arm or getattr(wildcards, "arm", configuration.TRUNK)
    seed = int(wildcards.seed)
    of_arm = configuration.TRUNK if arm == GRADIENTS else arm
    or_workflow_error(
        preflight.check_seed, SCALE_NAME, wildcards.experiment, of_arm, seed
    )
    return wildcards.experiment, arm, seed


def run_is_current(experiment, arm, seed):
    """Whether a run is done, or is of shared epochs that no run asks for."""
    if or_workflow_error(STANDINGS.of, experiment, arm, seed).state == "done":
        return True
    return arm == configuration.TRUNK and not or_workflow_error(
        STANDINGS.needed, experiment, seed
    )


@functools.cache
def print_is_current(product):
    """Whether a table, a figure, the frames or the paper is made of what is there, and that is current."""
    command, name, paths = PRINTS[product]
    now = or_workflow_error(stamps.of_print, command, name, SCALE_NAME, paths)
    if None in now.values() or stamps.made_from(Path(product)) != now:
        return False
    return all(map(input_is_current, paths))


def input_is_current(path):
    """Whether what a print reads will not be made again."""
    path = Path(path)
    made_with = path.with_suffix({".tex": ".csv", ".png": ".pdf"}.get(path.suffix, ""))
    if made_with.as_posix() in PRINTS:
        return print_is_current(made_with.as_posix())
    if path.as_posix() in PRINTS:
        return print_is_current(path.as_posix())
    if SCALE.published or not path.parent.name.startswith("seed"):
        return True
    arm = GRADIENTS if path.name == "gradients.json" else path.parts[-3]
    seed = int(path.parent.name.removeprefix("seed"))
    return run_is_current(path.parts[-4], arm, seed)


def settled(product, current, paths):
    """What a job reads. Where its product is current, times of these files say nothing."""
    if not current or not Path(product).exists():  # another workflow may make it again
        return paths
    paths = [path for path in ([paths] if isinstance(paths, str) else paths)]
    forced = [
        getattr(workflow.dag_settings, key)
        for key in ("forceall", "forcerun", "forcetargets")
    ]
    if not any(forced):  # else what depends on a forced job follows it
        return [ancient(path) for path in paths if Path(path).exists()]
    made = Path(product).stat().st_mtime
    return [
        (
            ancient(path)
            if Path(path).exists() and Path(path).stat().st_mtime > made
            else path
        )
        for path in paths
    ]


def changed(product, current):
    """The input that makes a job run again where its product is there and not current."""
    if current:
        return ancient(CHANGED.as_posix())
    if Path(product).exists():
        os.utime(product, (1, 1))
    return CHANGED.as_posix()


def of_run(function, arm=None):
    """What a run reads of others, as a function of its wildcards says."""

    def inputs(wildcards):
        run = run_of(wildcards, arm)
        return settled(
            STANDINGS.product(*run), run_is_current(*run), function(wildcards)
        )

    return inputs


def changed_run(wildcards, arm=None):
    """The input that makes a run that is stale run again; its data have to be there by then."""
    run = run_of(wildcards, arm)
    current = run_is_current(*run)
    if not current:
        configured = or_workflow_error(STANDINGS.configuration, *run)
        or_workflow_error(preflight.check_data, configured, Path(SETTINGS.data_root))
    return changed(STANDINGS.product(*run), current)


def of_print(product, paths):
    """What a print reads."""
    return lambda wildcards: settled(product, print_is_current(product), paths)


def changed_print(product, command, name, paths):
    """The input that makes a print again where something that it reads has changed."""
    PRINTS[product] = command, name, tuple(paths)
    return lambda wildcards: changed(product, print_is_current(product))


def run_config(wildcards):
    """The resolved configuration of the run that a rule's wildcards name."""
    return or_workflow_error(STANDINGS.configuration, *run_of(wildcards))


def run_threads(wildcards):
    """The CPU threads of a run: of its training, or, where nothing is trained, of its recipe."""
    run = run_config(wildcards)
    return run.training.threads if run.training else run.recipe.get("threads", 1)


def shared_trunk(wildcards):
    """The checkpoint of the epochs that all arms share, where the run shares some."""
    run = run_config(wildcards)
    shares = told(configuration.shares_epochs, run.experiment)
    return sampled_trunk(wildcards) if shares and run.training.shared_epochs else []


def sampled_trunk(wildcards):
    """The checkpoint of the shared epochs after which gradients are measured."""
    return f"{RUNS}/{wildcards.experiment}/trunk/seed{wildcards.seed}/trunk.pt"


def given_checkpoint(wildcards):
    """The user's own weights that take the place of a training, if there are any."""
    path = at_home(run_config(wildcards).recipe).get("checkpoint")
    if path is not None and not Path(path).exists():
        sys.exit(
            f"error: there is no file {path}: correct recipe.checkpoint of {wildcards.experiment},"
            " or leave it out to train"
        )
    return path or []


def start_file(wildcards):
    """What a run starts from, where it does: weights, or another file, of another run of the same seed."""
    recipe = run_config(wildcards).recipe
    if not recipe.get("start"):
        return []
    file = folders.recipe(recipe["name"]).start
    return f"{RUNS}/{recipe['start']}/seed{wildcards.seed}/{file}"


def image_features(wildcards):
    """The record of the run that computed the features of the images, of that experiment's only seed."""
    features = run_config(wildcards).recipe.get("features")
    if not features:
        return []
    experiment, arm = features.split("/")
    return f"{RUNS}/{experiment}/{arm}/seed{seeds(experiment)[0]}/record.json"


def given(wildcards, input):
    """The options that name what a run begins with."""
    found = [("--trunk", input.get("trunk")), ("--start", input.get("start"))]
    # Of a run that is done, inputs are lists.
    features = str(input.get("features") or "")
    found += [("--features", features and Path(features).parent)]
    return shlex.join(str(word) for pair in found if pair[1] for word in pair)


def n_gpus(wildcards):
    """GPUs that a training asks the scheduler for."""
    if run_config(wildcards).data is None:
        return 0
    wants = SETTINGS.device.startswith("cuda")
    return int(
        wants or (SETTINGS.device == "auto" and shutil.which("nvidia-smi") is not None)
    )


def table(name):
    """The files of a table; where it cannot be made, the last ones stay."""
    return {kind: update(f"{RESULTS}/tables/{name}.{kind}") for kind in ("csv", "tex")}


def figure(name):
    """The files of a figure; where it cannot be made, the last ones stay."""
    return {
        "pdf": update(f"{FIGURES}/{name}.pdf"),
        "png": reported(update(f"{FIGURES}/{name}.png"), name),
    }


def reported(path, name):
    """A file that Snakemake's report shows under the experiments that it belongs to."""
    return report(
        path,
        caption="../report/caption.rst",
        category=CAPTIONS[name].of,
        labels={"title": CAPTIONS[name].title},
    )
