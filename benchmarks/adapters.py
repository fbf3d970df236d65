"""Fine-tuning with a mask beside PEFT's LoRA and Super-Tuning, on a small transformer, as many weights each.

``python -m benchmarks.adapters``. A transformer learns sequences of one rule, and is then fine-tuned on
another one. Super-Tuning (PEFT's single scalars) trains the largest weights of each linear layer, as PB with
the criterion ``magnitude`` does: the two should reach one loss. What the installed PEFT lacks is not run.
Steps are timed in turn, in one process; loss and memory are those of a process for each way.
"""

import ctypes
import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks import paired
from benchmarks.command import Benchmark, main, quantity
from partial_backprop import PartialBackprop
from partial_backprop.torchvision_compat import import_torchvision

N_TOKENS, LENGTH, BATCH, N_HEADS = 61, 48, 8, 4  # a prime number of tokens, for the rules
LINEAR = ("query", "key", "value", "out_proj", "up", "down")
RANK = 2
SEEDS = {"base": 1, "tuned": 2}  # of the batches
RULES = {
    "base": (2, 3),
    "tuned": (5, 7),
}  # a token is a multiple of the one before, and a constant more
RATES = (1e-3, 4e-3)
"""Learning rates, of which each way has the one with the lower loss."""


class Block(nn.Module):
    """Attention and a perceptron, with normalisation before each."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.num_heads = N_HEADS
        self.query, self.key, self.value, self.out_proj = (
            nn.Linear(width, width) for _ in range(4)
        )
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the next layer's input."""
        n, length, width = x.shape
        h = self.first(x)
        heads = (
            layer(h).view(n, length, N_HEADS, -1).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        mixed = F.scaled_dot_product_attention(*heads, is_causal=True)
        x = x + self.out_proj(mixed.transpose(1, 2).reshape(n, length, width))
        return x + self.down(F.gelu(self.up(self.second(x))))


class Transformer(nn.Module):
    """Scores of the next token."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(N_TOKENS, width), nn.Embedding(LENGTH, width)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(depth)))
        self.head = nn.Linear(width, N_TOKENS)

    def forward(self, tokens: Tensor) -> Tensor:
        """Compute logits for each place."""
        x = self.tokens(tokens) + self.places.weight[: tokens.shape[1]]
        return self.head(self.blocks(x))


def batch(what: str, number: int) -> Tensor:
    """Draw sequences of a rule, a tenth of whose tokens are others."""
    draw = torch.Generator().manual_seed(1000 * SEEDS[what] + number)
    factor, more = RULES[what]
    tokens = torch.randint(N_TOKENS, (BATCH, LENGTH + 1), generator=draw)
    noise = torch.rand(BATCH, LENGTH + 1, generator=draw) < 0.1
    for place in range(1, LENGTH + 1):
        rule = (factor * tokens[:, place - 1] + more) % N_TOKENS
        tokens[:, place] = torch.where(noise[:, place], tokens[:, place], rule)
    return tokens


def loss_of(model: nn.Module, what: str, number: int) -> Tensor:
    """Compute the loss on a batch."""
    tokens = batch(what, number)
    return F.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())


class Tuning:
    """A model with an optimizer of what a way trains."""

    def __init__(self, way: str, base: Path, rate: float) -> None:
        saved = torch.load(base, weights_only=True)
        self.way, self.pb = way, None
        model = Transformer(saved["width"], saved["depth"])
        model.load_state_dict(saved["model"])
        linear = {f"{name}.weight" for name, _ in model.named_modules() if name.endswith(LINEAR)}
        n_weights = sum(p.numel() for name, p in model.named_parameters() if name in linear)
        share = (
            RANK * sum(sum(p.shape) for n, p in model.named_parameters() if n in linear) / n_weights
        )
        self.model = wrapped(way, model, share)
        if way.startswith("pb"):
            for name, parameter in model.named_parameters():
                parameter.requires_grad_(name in linear)
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.n_trained = sum(p.numel() for p in trained)
        self.optimizer = torch.optim.AdamW(trained, lr=rate, weight_decay=0.0, fused=True)
        if way.startswith("pb"):
            score = way.removeprefix("pb_")
            criterion = {"name": score, "q": 1 - share, "scope": "layer"}
            self.pb = PartialBackprop(model, self.optimizer, criterion, start_epoch=0, compact=True)
            self.pb.begin_epoch(0)
        self._n_steps = 0

    def step(self) -> float:
        """Make a training step, and return its loss."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = loss_of(self.model, "tuned", self._n_steps)
        loss.backward()
        self.optimizer.step()
        self._n_steps += 1
        return float(loss.detach())

    def state_bytes(self) -> int:
        """Count the bytes that the optimizer keeps, positions of active weights included."""
        tensors = (value for state in self.optimizer.state.values() for value in state.values())
        found = sum(t.numel() * t.element_size() for t in tensors if isinstance(t, Tensor))
        return found + (self.pb.position_bytes if self.pb else 0)

    def file_bytes(self) -> int:
        """Save what was trained, and count the bytes."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "saved.safetensors"
            if self.pb:
                self.pb.save_delta(path)
            elif self.way == "full":
                torch.save(self.model.state_dict(), path)
            else:
                self.model.save_pretrained(folder)
                path = Path(folder) / "adapter_model.safetensors"
            return path.stat().st_size


def peft_module() -> ModuleType:
    """Import PEFT, beside any build of torchvision, which transformers imports."""
    if importlib.util.find_spec("torchvision"):
        import_torchvision()
    return importlib.import_module("peft")


def wrapped(way: str, model: nn.Module, share: float) -> nn.Module:
    """Give a model PEFT's adapters, where the way has some."""
    if way not in PEFT_CONFIGS:
        return model
    peft = peft_module()
    name, options = PEFT_CONFIGS[way]
    config = getattr(peft, name)(target_modules=list(LINEAR), **options(share))
    return peft.get_peft_model(model, config)


PEFT_CONFIGS: dict[str, tuple[str, Callable[[float], dict[str, Any]]]] = {
    "lora": ("LoraConfig", lambda _: {"r": RANK, "lora_alpha": 2 * RANK}),
    "super": ("SupertuningConfig", lambda share: {"sparsity": 1 - share}),
}
"""Way -> name of its configuration in PEFT, and the options for a share of the weights."""

WAYS = {
    "full": "all weights",
    "pb_magnitude": "PB, largest weights",
    "pb_gradient": "PB, largest gradients",
    "super": "PEFT, Super-Tuning",
    "lora": "PEFT, LoRA",
}
"""Way -> name in print."""


def missing(way: str) -> str | None:
    """Say what a way lacks here; None where it can run."""
    if way not in PEFT_CONFIGS:
        return None
    try:
        peft = peft_module()
    except ImportError as error:
        return " ".join(str(error).split())[:100]
    name = PEFT_CONFIGS[way][0]
    return None if hasattr(peft, name) else f"peft {peft.__version__} has no {name}"


class Found(NamedTuple):
    """What one process measured."""

    loss: float  # mean over the last tenth of the steps, in nats a token
    peak_mib: float  # of the steps after the first two, beyond what was there before the model
    state_bytes: int
    file_bytes: int
    n_trained: int  # as the way counts it: PB's active weights


def alone(way: str, base: Path, rate: float, n_steps: int) -> Found:
    """Train in this process, and measure."""
    if way in PEFT_CONFIGS:
        peft_module()  # what it loads is no memory of the training
    before = _memory_mib("VmRSS")
    tuning = Tuning(way, base, rate)
    losses = [tuning.step(), tuning.step()]
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    losses += [tuning.step() for _ in range(n_steps - 2)]
    peak = _memory_mib("VmHWM") - before
    last = losses[-max(1, n_steps // 10) :]
    mask = tuning.pb.mask if tuning.pb else None
    n_trained = mask.n_weights() - mask.n_frozen() if mask else tuning.n_trained
    return Found(sum(last) / len(last), peak, tuning.state_bytes(), tuning.file_bytes(), n_trained)


def _memory_mib(what: str) -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split(f"{what}:")[1].split()[0]) / 1024


def in_a_process(way: str, base: Path, rate: float, n_steps: int) -> Found:
    """Let a process of its own measure a way."""
    command = [sys.executable, "-m", "benchmarks.adapters", "--way", way, str(base)]
    command += [str(rate), str(n_steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loss, peak, *counts = done.stdout.splitlines()[-1].split()
    return Found(float(loss), float(peak), *map(int, counts))


def pretrain(path: Path, width: int, depth: int, n_steps: int) -> None:
    """Train the base."""
    torch.manual_seed(0)
    model = Transformer(width, depth)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    for number in range(n_steps):
        optimizer.zero_grad(set_to_none=True)
        loss_of(model, "base", number).backward()
        optimizer.step()
    torch.save({"model": model.state_dict(), "width": width, "depth": depth}, path)


def run(benchmark: Benchmark) -> None:
    """Measure every way that can run."""
    benchmark.on(1)
    torch.set_num_threads(1)
    quick = benchmark.quick
    width, depth, n_steps = (64, 2, 30) if quick else (256, 4, 300)
    ways = []
    for way, title in WAYS.items():
        if lack := missing(way):
            print(f"{title}: not run, {lack}", flush=True)
        else:
            ways.append(way)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "base.pt"
        pretrain(base, width, depth, n_steps)
        tunings = {way: Tuning(way, base, RATES[0]) for way in ways}
        times = paired.interleave(
            {way: one.step for way, one in tunings.items()},
            rounds=5 if quick else 25,
            warm_up=2,
            clock=time.process_time,
        )
        del tunings
        for way in ways:
            rates = RATES[:1] if quick else RATES
            runs = [in_a_process(way, base, rate, n_steps) for rate in rates]
            best = min(runs, key=lambda found: found.loss)
            values = {
                "step": ("step over that of all weights", "×", times.ratio(way, "full")),
                "loss": ("loss at the end", "nats", paired.spread([best.loss])),
                "peak": ("peak memory", "MiB", paired.spread([best.peak_mib])),
                "state": ("optimizer's state", "KiB", paired.spread([best.state_bytes / 1024])),
                "file": ("file", "KiB", paired.spread([best.file_bytes / 1024])),
                "trained": ("weights that train", "", paired.spread([best.n_trained])),
            }
            benchmark.add(
                quantity(f"{way}_{key}", f"{WAYS[way]}: {title}", unit, value)
                for key, (title, unit, value) in values.items()
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--way"]:
        torch.set_num_threads(1)
        print(*alone(sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])))
    else:
        main("adapters", run)
