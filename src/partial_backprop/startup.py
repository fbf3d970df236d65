"""Start a process that trains without what it does not need: torch's compiler, and garbage collection.

The first optimizer that is made loads all of ``torch._dynamo``, which takes as long as the rest of torch,
only to mark methods as not to be compiled and to tell the compiler, if it runs, where a step begins and
ends. In a process that compiles nothing neither has a meaning.

`without_compiler` changes torch's inside, since no public switch helps: with ``TORCHDYNAMO_DISABLE=1`` or
``TORCH_COMPILE_DISABLE=1`` the compiler is loaded all the same. Importing torch and making and stepping one
optimizer took 3.5, 3.5 and 3.6 s of processor time without it, and 1.7, 2.1 and 2.2 s with it (torch 2.13,
three processes each, on a machine that trained besides): 1.6 s of each of the demo's 170 trainings.

Importing torch makes some hundred thousand objects that stay; garbage collection looks through them again
and again. Leaving it out saves 0.1 to 0.4 s of those 3.5.
"""

import contextlib
import ctypes
import functools
import gc
import sys
from collections.abc import Callable, Iterator
from typing import Any

_MARK = "__dynamo_disable"
_MARKED = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")
_STEP = "_use_grad"  # what torch calls the function that it wraps around an optimizer's step


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Leave out the search for cyclic garbage until `imported` is called, or the block ends."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        (gc.enable if enabled else gc.disable)()


def imported() -> None:
    """Search for cyclic garbage from now on, but not among what is there."""
    # For the inside of an `importing` block, once what takes long is imported
    gc.freeze()
    gc.enable()


def without_compiler() -> int:
    """Let optimizers be made, and step, without loading the compiler."""
    # To be called before the first optimizer, in a process that does not call ``torch.compile``. It
    # changes no number. Where the compiler is loaded already, or torch is built otherwise than
    # expected, it does nothing: the start then takes as long as it would without.
    # ``torch._disable_dynamo`` wraps a function, asks the compiler at the first call for a version
    # that is not to be compiled, and keeps it on the function; here the function itself is kept in
    # its place. An optimizer's ``step`` is wrapped in a function that sets whether gradients are
    # recorded and calls ``torch._dynamo.graph_break`` before and after; here it is wrapped in one
    # that does the first alone. Read in torch 2.13.
    import torch

    if "torch._dynamo" in sys.modules:
        return 0
    n_changed = 0
    for name in _MARKED:
        function = getattr(getattr(torch.optim.Optimizer, name, None), "__wrapped__", None)
        if function is not None and not hasattr(function, _MARK):
            setattr(function, _MARK, function)
            n_changed += 1
    for one in vars(torch.optim).values():
        step = vars(one).get("step") if isinstance(one, type) else None
        if getattr(getattr(step, "__code__", None), "co_name", None) == _STEP:
            one.step = _plain(step.__wrapped__)
            n_changed += 1
    return n_changed


def keep_freed_memory(keep: bool = True) -> bool:
    """Let the C library keep freed memory for the next tensors instead of returning it to the system."""
    # Otherwise each large feature map is made of fresh pages, which the system fills with zeros
    # first: a tenth of a step of ResNet-110. It changes no number. The process keeps its largest
    # size until it ends.
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    # M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of <malloc.h>; glibc itself goes up to 32 MiB and twice that.
    at_once, in_all = (2**30, 2**31 - 1) if keep else (2**25, 2**26)
    return bool(mallopt(-3, at_once) and mallopt(-1, in_all))


def _plain(step: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap an optimizer's step as torch does, but for the compiler."""
    import torch

    @functools.wraps(step)
    def stepped(self: Any, *arguments: Any, **options: Any) -> Any:
        before = torch.is_grad_enabled()
        try:
            torch.set_grad_enabled(self.defaults["differentiable"])
            return step(self, *arguments, **options)
        finally:
            torch.set_grad_enabled(before)

    return stepped
