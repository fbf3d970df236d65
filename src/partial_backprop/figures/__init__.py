"""Figures: one module each, `draw(inputs) -> Figure`; the stem is the output's stem.

matplotlib is loaded here, without the user's settings: a matplotlibrc that it cannot read, or the backend
of a notebook, would end the import.
"""

import os

_SETTINGS = {"MPLBACKEND": "agg", "MATPLOTLIBRC": os.devnull}
_before = {name: os.environ.get(name) for name in _SETTINGS}
os.environ.update(_SETTINGS)
try:
    import matplotlib  # noqa: F401
finally:
    for _name, _value in _before.items():
        os.environ.pop(_name)
        if _value is not None:
            os.environ[_name] = _value
