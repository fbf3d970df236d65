# Names, paths and small questions that the other rule files ask.
import functools
import hashlib
import shlex
import shutil
from pathlib import Path

from snakemake.exceptions import WorkflowError

from partial_backprop import config as configuration
from partial_backprop import sources
from partial_backprop.errors import UserError


def told(function, *arguments):
    """Call a function of the package; what the user can mend ends the workflow in one line."""
    try:
        return function(*arguments)
    except UserError as error:
        raise WorkflowError(str(error)) from None


SCALE_NAME = config["scale"]
SCALE = told(configuration.read_scale, SCALE_NAME)
RESULTS = f"results/{SCALE_NAME}"
RUNS = f"{RESULTS}/runs"
FIGURES = f"figures/{SCALE_NAME}"
# Unfinished runs are no output, so that Snakemake does not delete them when it starts a job again.
CHECKPOINTS = f"{RESULTS}/.checkpoints"

# Settings that change no number. Rules take them as a resource, since another resource, unlike another
# parameter, is no reason to run again.
RUN_OPTIONS = shlex.join(
    f"--{key.replace('_', '-')}={config[key]}"
    for key in ("device", "data_root", "checkpoint_every")
)
ARM_OPTIONS = RUN_OPTIONS + (" --tensorboard" if config["tensorboard"] else "")

# The experiments of Tables 1 and 2, in their order.
CLASSIFIERS = [
    "vgg19_cifar10",
    "resnet110_cifar10",
    "densenet121_cifar10",
    "lenet5_mnist",
]
# Them, and the one that has the source's split of MNIST too: what tables show.
SHOWN = CLASSIFIERS + ["lenet5_mnist_60000"]


# The experiments of seed 003: linear models, a pretrained network, pruning it, quantizing it.
LAB_1 = ["lab1"]
PRETRAINING = ["resnet20_pretraining"]
LAB_2 = ["lab2_pruning"]
LAB_3 = ["lab3_quantization"]

# Those of seeds 000 and 002: sparsified gradients, weight pruning, filter pruning.
SPARSIFICATION = ["sparsification"]
WEIGHT_PRUNING = ["weight_pruning"]
FILTER_PRUNING = ["filter_pruning"]

# Activations and gradients in few bits, which seed 000 links.
TINYSCRIPT = ["tinyscript", "tinyscript_cifar10"]

# Captioning (seed 001, section 4.2): an encoder, its features, the decoder.
ENCODER = ["encoder_pretraining", "caption_features"]
CAPTIONING = ["captioning", "captioning_15"]

# Those of seed 004: Table 1, Tables 2 to 5, Table 6, Tables 7 to 9, Table 10 and Figure 5.
RIVALS = ["dessilbi_mnist", "dessilbi_cifar10", "dessilbi_imagenet"]
TUNED = ["dessilbi_vgg16", "dessilbi_resnet56"]
STEP_COST = ["dessilbi_cost"]
PATHS = ["dessilbi_lenet3", "dessilbi_conv2", "dessilbi_conv4"]
EARLY = ["dessilbi_early_vgg16", "dessilbi_early_resnet56"]
TICKETS = ["dessilbi_ticket_vgg16", "dessilbi_ticket_resnet56"]

# Everything that a table, a figure or the paper may show, in the order of the paper.
EXPERIMENTS = SHOWN + ENCODER + CAPTIONING + LAB_1 + PRETRAINING + LAB_2 + LAB_3
EXPERIMENTS += SPARSIFICATION + ["cnn_training"] + WEIGHT_PRUNING + FILTER_PRUNING
EXPERIMENTS += TINYSCRIPT
EXPERIMENTS += RIVALS + TUNED + STEP_COST + PATHS + EARLY + TICKETS

# What `make bench` measured, if it ran: it belongs to a machine and to no scale.
BENCHMARKS = sorted(map(str, Path("results/bench").glob("*.json")))

# What the sources claim and how that is tested, one file a source.
CLAIMS = sorted(map(str, Path("config/claims").glob("*.yaml")))


wildcard_constraints:
    experiment="[a-z0-9_]+",
    arm="[a-z0-9_]+",
    seed="[0-9]+",


def with_recipe(*names):
    """A pattern that matches the experiments of this scale whose runs follow one of some recipes."""
    found = [
        experiment
        for experiment in SCALE.experiments
        if told(configuration.read_experiment, experiment)
        .get("recipe", {"name": "classify"})
        .get("name")
        in names
    ]
    return "|".join(found) or "(?!)"


def records(*arms, experiments=CLASSIFIERS, first_seed=False):
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
        if experiment in SCALE.experiments
        for arm in told(configuration.arms, SCALE_NAME, experiment)
        if not arms or arm in arms
        for seed in seeds(experiment, arm)[: 1 if first_seed else None]
    ]


def seeds(experiment, arm=None):
    """The seeds of an experiment, or of one of its arms."""
    return told(
        configuration.seeds, SCALE_NAME, experiment, configuration.CONFIG_DIR, arm
    )


def gradients(experiments=CLASSIFIERS):
    """The gradient samples of each experiment's first seed."""
    name = f"trunk/seed{SCALE.seeds[0]}/gradients.json"
    paths = [f"{RUNS}/{experiment}/{name}" for experiment in experiments]
    if SCALE.published:
        return [path for path in paths if Path(path).exists()]
    return [
        path
        for path, experiment in zip(paths, experiments)
        if experiment in SCALE.experiments
    ]


def run_config(wildcards):
    """The resolved configuration of the run that a rule's wildcards name."""
    arm = getattr(wildcards, "arm", configuration.TRUNK)
    return told(
        configuration.resolve,
        SCALE_NAME,
        wildcards.experiment,
        arm,
        int(wildcards.seed),
    )


def run_sha256(wildcards):
    return run_config(wildcards).sha256()


def run_threads(wildcards):
    """The CPU threads of a run: of its training, or, where nothing is trained, of its recipe."""
    run = run_config(wildcards)
    return run.training.threads if run.training else run.recipe.get("threads", 1)


def shared_trunk(wildcards):
    """The checkpoint of the epochs that all arms share, where the run shares some."""
    if not run_config(wildcards).training.shared_epochs:
        return []
    return f"{RUNS}/{wildcards.experiment}/trunk/seed{wildcards.seed}/trunk.pt"


def given_checkpoint(wildcards):
    """The user's own weights that take the place of a training, if there are any."""
    path = run_config(wildcards).recipe.get("checkpoint")
    if path is not None and not Path(path).exists():
        raise WorkflowError(
            f"there is no file {path}: correct recipe.checkpoint of {wildcards.experiment},"
            " or leave it out to train"
        )
    return path or []


def start_weights(wildcards):
    """The trained weights from which a run starts, where it does: another run's of the same seed."""
    start = run_config(wildcards).recipe["start"]
    return f"{RUNS}/{start}/seed{wildcards.seed}/weights.pt" if start else []


def start_path(wildcards):
    """The initial weights and early masks from which a ticket starts."""
    return Path(start_weights(wildcards)).with_name("path.pt").as_posix()


def image_features(wildcards):
    """The record of the run that computed the features of the images, of that experiment's only seed."""
    experiment, arm = run_config(wildcards).recipe["features"].split("/")
    return f"{RUNS}/{experiment}/{arm}/seed{seeds(experiment)[0]}/record.json"


@functools.cache
def content(path):
    return hashlib.sha256(path.read_bytes()).digest()


def hashed(files):
    """One hash of source files: their names in this folder, and their contents.

    A parameter and no input: a file that was only touched or checked out anew is no reason to run
    again, and Snakemake asks for the size of each input of each waiting job whenever it starts one.
    """
    root = Path.cwd()
    if not files[0].is_relative_to(root):
        raise WorkflowError(
            f"python imports partial_backprop from {files[0].parents[1]}, not from this folder:"
            " run `pip install --no-deps -e .` here, or activate this folder's environment"
        )
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(content(path))
    return digest.hexdigest()


def code(*modules):
    """Hash of the source files on which a stage depends."""
    return hashed(sources.closure(*modules))


def run_code(wildcards):
    """Hash of the source files on which a run depends."""
    return hashed(sources.of_run(run_config(wildcards)))


def n_gpus(wildcards):
    """GPUs that a training asks the scheduler for."""
    wants = config["device"].startswith("cuda")
    return int(
        wants or (config["device"] == "auto" and shutil.which("nvidia-smi") is not None)
    )


def thresholds_sha256(wildcards):
    """Hashes of the configurations whose thresholds a gradient sample shows."""
    where = (SCALE_NAME, wildcards.experiment)
    seed = int(wildcards.seed)
    runs = [told(configuration.resolve, *where, arm, seed) for arm in ("pb", "pb_otsu")]
    return [run.sha256() for run in runs]


def sample_code(wildcards):
    """Hash of the source files on which a gradient sample depends."""
    return [run_code(wildcards), code("recipes.gradient_sample")]


def table(name):
    """The files of a table."""
    return {
        "csv": report(
            f"{RESULTS}/tables/{name}.csv",
            caption=f"../report/{name}.rst",
            category="Tables",
            labels={"table": name},
        ),
        "tex": f"{RESULTS}/tables/{name}.tex",
    }


def figure(name):
    """The files of a figure."""
    return {
        "pdf": f"{FIGURES}/{name}.pdf",
        "png": report(
            f"{FIGURES}/{name}.png",
            caption=f"../report/{name}.rst",
            category="Figures",
            labels={"figure": name},
        ),
    }
