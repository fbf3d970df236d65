"""Import torchvision beside a torch that its C++ operators were not built for.

The torchvision of the package index is built for CUDA. Beside a CPU build of torch its operator
library does not load, which torchvision means to survive; but 0.28 and its like register
shape functions for two operators, ``nms`` and ``qnms``, that only this library declares, and the
import ends with "operator torchvision::nms does not exist". Declaring the two by name and signature
is enough. They stay without an implementation, so calling them is still an error; transforms,
data sets and models that detect no boxes work.
"""

import importlib
import importlib.util
import sys
from types import ModuleType

from partial_backprop.errors import UserError

_SIGNATURES = {
    "nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_declared: list[object] = []  # a torch Library withdraws its declarations when it is collected


def _declare_operators() -> None:
    import torch

    fragment = torch.library.Library("torchvision", "FRAGMENT")
    _declared.append(fragment)
    for name, signature in _SIGNATURES.items():
        if not hasattr(torch.ops.torchvision, name):
            fragment.define(name + signature)


def import_torchvision() -> ModuleType:
    """Import torchvision; afterwards a plain ``import torchvision`` works as well."""
    # Whether the operators are there is asked of torchvision itself, whose module ``extension``
    # loads them; it is imported on its own before the rest of the package. Where it found them,
    # nothing is declared.
    if "torchvision" in sys.modules:
        return sys.modules["torchvision"]
    spec = importlib.util.find_spec("torchvision")
    if spec is None:
        raise UserError("torchvision is not installed: run pip install torchvision")
    package = importlib.util.module_from_spec(spec)
    sys.modules["torchvision"] = package
    try:
        if not importlib.import_module("torchvision.extension")._has_ops():
            _declare_operators()
        spec.loader.exec_module(package)
    except BaseException:
        del sys.modules["torchvision"]
        raise
    return package
