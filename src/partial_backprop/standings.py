"""How the runs of a scale stand by what their files say, whatever the times of these are.

A run is done where its record holds today's configuration and code, and was made from the files of others
that are there. The workflow plans by it, and ``partial-backprop status`` prints it.
"""

import base64
import functools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from partial_backprop import config, folders, record, sources, stamps
from partial_backprop.errors import UserError
from partial_backprop.files import at_home
from partial_backprop.run_config import RunConfig
from partial_backprop.run_status import RunStatus, differences

GRADIENTS = "gradients"
"""Name of the pseudo-arm that measures the gradients after the warm-up epochs, for figures."""


class Standings:
    """How the runs of a scale stand, as their files say; times of files do not count."""

    def __init__(
        self,
        scale: str,
        root: Path,
        config_dir: Path = config.CONFIG_DIR,
        also: Iterable[str] = (),
    ) -> None:
        self.scale, self.root, self.config_dir = scale, root, config_dir
        self.experiments = config.read_scale(scale, config_dir).run(also)
        # By experiment, arm and seed; and code by the modules that a run begins with.
        self._resolved, self._known, self._modules = {}, {}, {}

    def product(self, experiment: str, arm: str, seed: int) -> Path:
        """Return the file whose presence says that a run is complete."""
        names = {config.TRUNK: "trunk.pt", GRADIENTS: "gradients.json"}
        folder = config.TRUNK if arm == GRADIENTS else arm
        run = self.root / "runs" / experiment / folder / f"seed{seed}"
        return run / names.get(arm, "record.json")

    def of(self, experiment: str, arm: str, seed: int) -> RunStatus:
        """Tell how one run stands."""
        key = experiment, arm, seed
        if key not in self._known:
            self._known[key] = self._status(experiment, arm, seed)
        return self._known[key]

    def _status(self, experiment: str, arm: str, seed: int) -> RunStatus:
        trunk = arm in (config.TRUNK, GRADIENTS)
        run = self.configuration(experiment, arm, seed)
        product = self.product(experiment, arm, seed)
        if not product.exists():
            begun = (self.root / ".checkpoints" / f"{run.sha256()}.pt").exists()
            state = "unfinished" if begun and arm != GRADIENTS else "missing"
            return RunStatus(experiment, arm, seed, state)
        if _cut_off(product):
            why = ("its job was cut off as it ended",)
            return RunStatus(experiment, arm, seed, "unfinished", why)
        made_from = stamps.made_from(product)
        if not trunk:
            why = self._against_record(run, product)
        elif made_from is not None:
            now = self.made_from(experiment, arm, seed)
            why = stamps.differences(made_from, now)
        elif arm == GRADIENTS and _of_configuration(product, run):
            why = []
        else:  # without it, it is made again when something needs it
            return RunStatus(experiment, arm, seed, "missing", ("nothing says how it was made",))
        why += self._against_inputs(run, arm, made_from or {})
        return RunStatus(experiment, arm, seed, "stale" if why else "done", tuple(why))

    def configuration(self, experiment: str, arm: str, seed: int) -> RunConfig:
        """Return the resolved configuration of a run, or of a gradient sample's warm-up checkpoint."""
        key = experiment, config.TRUNK if arm == GRADIENTS else arm, seed
        if key not in self._resolved:
            self._resolved[key] = config.resolve(self.scale, *key, self.config_dir)
        return self._resolved[key]

    def _against_record(self, run: RunConfig, path: Path) -> list[str]:
        try:  # at first without checking all of it, which takes ten times as long
            content = json.loads(path.read_bytes())
            sha256, modules = content["config_sha256"], content["provenance"].get("modules", {})
            if sha256 != run.sha256():
                was = record.read(path).config
                if not config.is_same(was, run):
                    return differences(was.model_dump(mode="json"), run.model_dump(mode="json"))
        except (ValueError, KeyError, TypeError, AttributeError, UserError):
            return ["its record is damaged"]
        now = self._digests(run) if modules else modules
        return [f"edited: {name}" for name in sources.edited(modules, now)]

    def _digests(self, run: RunConfig) -> dict[str, str]:
        modules = tuple(sources.modules(run))
        if modules not in self._modules:
            self._modules[modules] = sources.digests(sources.closure(*modules))
        return self._modules[modules]

    def made_from(self, experiment: str, arm: str, seed: int) -> dict[str, str | None]:
        """Name what a warm-up checkpoint or a gradient sample is made from today, but for its inputs."""
        run = self.configuration(experiment, config.TRUNK, seed)
        found = {"configuration": run.sha256()}
        modules = self._digests(run)
        if arm == GRADIENTS:
            for name in config.sampled(experiment, self.config_dir):
                found[f"configuration of {name}"] = self.configuration(
                    experiment, name, seed
                ).sha256()
            modules = modules | sources.digests(sources.closure("recipes.gradient_sample"))
        return found | stamps.code(modules)

    def _upstream(
        self, experiment: str, arm: str, seed: int
    ) -> dict[str, tuple[str, str, int, str]]:
        """Say what a run reads of others: kind of input -> experiment, arm, seed and file."""
        if arm == GRADIENTS:
            return {"trunk": (experiment, config.TRUNK, seed, "trunk.pt")}
        run = self.configuration(experiment, arm, seed)
        recipe, found = run.recipe, {}
        known = folders.recipe(recipe["name"], self.config_dir)
        if arm != config.TRUNK and known.shares_epochs and run.training.shared_epochs:
            found["trunk"] = (experiment, config.TRUNK, seed, "trunk.pt")
        if recipe.get("start"):
            found["start"] = (*recipe["start"].split("/"), seed, known.start)
        if recipe.get("features"):
            name, _, encoder = recipe["features"].partition("/")
            first = config.seeds(self.scale, name, self.config_dir)[0]
            found["features"] = (name, encoder, first, "record.json")
        return found

    def _against_inputs(self, run: RunConfig, arm: str, made_from: Mapping[str, str]) -> list[str]:
        why = []
        for kind, (*key, file) in self._upstream(run.experiment, arm, run.seed).items():
            before = self.of(*key)
            had = made_from.get(f"input {kind}")
            if before.state != "done" and (before.state == "stale" or file != "trunk.pt"):
                why.append(f"{before.name} is {before.state}")
            elif had and (now := stamps.made(self.product(*key), file)) and now != had:
                why.append(f"{before.name} was made anew")
        checkpoint, had = at_home(run.recipe).get("checkpoint"), made_from.get("input checkpoint")
        if checkpoint and had and stamps.digest(Path(checkpoint)) != had:
            why.append(f"another file {checkpoint}")
        return why

    def needed(self, experiment: str, seed: int) -> bool:
        """Whether the warm-up epochs of an experiment are read by a run that is not done."""
        arms = config.arms(self.scale, experiment, self.config_dir)
        readers = [arm for arm in arms if seed in self.seeds(experiment, arm)]
        readers += [GRADIENTS] if (experiment, seed) in self.samples() else []
        return any(
            "trunk" in self._upstream(experiment, arm, seed)
            and self.of(experiment, arm, seed).state != "done"
            for arm in readers
        )

    def seeds(self, experiment: str, arm: str) -> tuple[int, ...]:
        """List the seeds of an arm."""
        return config.seeds(self.scale, experiment, self.config_dir, arm)

    @functools.cache  # noqa: B019, for there are few of these, and they live as long as the process
    def samples(self) -> tuple[tuple[str, int], ...]:
        """List the experiments and seeds of which gradient samples are taken, for figures."""
        return tuple(
            (name, config.seeds(self.scale, name, self.config_dir)[0])
            for name in self.experiments
            if config.sampled(name, self.config_dir)
        )

    def runs(self) -> list[RunStatus]:
        """Tell how every run of the scale stands, and what the missing ones need beside."""
        found = []
        for experiment in self.experiments:
            arms = config.arms(self.scale, experiment, self.config_dir)
            trunks = [
                self.of(experiment, config.TRUNK, seed)
                for seed in sorted({seed for arm in arms for seed in self.seeds(experiment, arm)})
                if config.shares_epochs(experiment, self.config_dir)
                and self.needed(experiment, seed)
            ]
            found += [status for status in trunks if status.state != "done"]
            found += [
                self.of(experiment, GRADIENTS, seed)
                for name, seed in self.samples()
                if name == experiment
            ]
            found += [
                self.of(experiment, arm, seed)
                for arm in arms
                for seed in self.seeds(experiment, arm)
            ]
        return found


def _of_configuration(path: Path, run: RunConfig) -> bool:
    try:
        return json.loads(path.read_bytes())["config_sha256"] == run.sha256()
    except (ValueError, KeyError, TypeError):
        return False


def _cut_off(product: Path) -> bool:
    """Whether Snakemake, in the current folder, has noted that the job that made a file did not end."""
    name = base64.b64encode(str(product).encode()).decode()
    return Path(".snakemake", "incomplete", name).exists()
