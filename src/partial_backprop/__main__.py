"""``python -m partial_backprop`` is the command line."""

import gc
import sys


def run() -> int:
    """Run a command in a process of its own, and return its exit status."""
    try:
        from partial_backprop.cli import main
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("partial_backprop"):
            raise
        print(
            f"error: commands need {error.name}, which the library alone does not: "
            "pip install 'partial_backprop[paper]'",
            file=sys.stderr,
        )
        return 2
    status = main()
    gc.freeze()  # else Python ends by looking through all of torch for garbage
    return status


if __name__ == "__main__":
    sys.exit(run())
