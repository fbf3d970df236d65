"""Numbers with a range, for the options of criteria, networks, data sets and recipes.

An option annotated so is checked when the configuration is read, and not epochs later.
"""

from typing import Annotated

import pydantic

FromZero = Annotated[float, pydantic.Field(ge=0, allow_inf_nan=False)]
AboveZero = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, pydantic.Field(ge=0, le=1)]

IN_WORDS = {
    "FromZero": "a number from 0 up",
    "AboveZero": "a number above 0",
    "Share": "a number from 0 to 1",
}
"""Name of a range -> what a message says of it."""
