"""Notice that parameters were cast, moved, laid out anew or written between steps."""

from collections.abc import Mapping

from torch import nn

from partial_backprop.errors import UserError


class ParameterWatch:
    """What parameters were like when somebody looked at them last."""

    def __init__(self, parameters: Mapping[str, nn.Parameter]) -> None:
        self._parameters = dict(parameters)
        self._forms = {name: _form(parameter) for name, parameter in parameters.items()}
        self._writes: dict[str, tuple[int, int]] = {}

    def changed_forms(self) -> list[str]:
        """Find parameters of another type, device or order in memory than before, and note these."""
        changed = []
        for name, parameter in self._parameters.items():
            form = _form(parameter)
            if form == self._forms[name]:
                continue
            if parameter.shape != self._forms[name][0]:
                raise UserError(
                    f"parameter {name!r} has the shape {tuple(parameter.shape)}, its mask "
                    f"{tuple(self._forms[name][0])}: close() this PartialBackprop and construct "
                    "another for the model as it is now"
                )
            self._forms[name] = form
            changed.append(name)
        return changed

    def written(self) -> list[str]:
        """Find parameters that were written or got other memory since `note_writes`."""
        # What is written through ``.data`` goes unnoticed.
        return [n for n, p in self._parameters.items() if self._writes.get(n) != _writes(p)]

    def note_writes(self) -> None:
        """Note that what has been written so far is known."""
        self._writes = {name: _writes(parameter) for name, parameter in self._parameters.items()}


def _form(parameter: nn.Parameter) -> tuple:
    return parameter.shape, parameter.stride(), parameter.dtype, parameter.device


def _writes(parameter: nn.Parameter) -> tuple[int, int]:
    return parameter._version, parameter.data_ptr()


def check_same(parameters: Mapping[str, nn.Parameter], model: nn.Module) -> None:
    """Refuse a model that has lost parameters which a mask is of."""
    present = {id(parameter) for parameter in model.parameters()}
    for name, parameter in parameters.items():
        if id(parameter) not in present:
            raise UserError(
                f"parameter {name!r} was removed or replaced after the mask was made: close() this "
                "PartialBackprop and construct another, with an optimizer of the model as it is now"
            )
