"""``python -m partial_backprop`` is the command line."""

import gc
import sys

from partial_backprop.cli import main


def run() -> int:
    """Run a command in a process of its own.

    Returns
    -------
    int
        Exit status of `cli.main`.
    """
    status = main()
    gc.freeze()  # else Python ends by looking through all of torch for garbage
    return status


if __name__ == "__main__":
    sys.exit(run())
