"""Run all benchmarks of speed and memory, each in a process of its own: ``make bench``.

Each writes ``results/bench/NAME.json``; at the end all that lie there are printed as one table.
"""

import argparse
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from benchmarks.command import line
from partial_backprop import performance

NAMES = tuple(performance.TITLES)


def main() -> int:
    """Run them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="a rough answer, soon")
    parser.add_argument("--out", type=Path, default=performance.FOLDER, metavar="FOLDER")
    parser.add_argument(
        "--budget", type=float, default=900, metavar="SECONDS", help="no more starts"
    )
    chosen = parser.parse_args()
    if unknown := sorted(set(chosen.names) - set(NAMES)):
        parser.error(f"there is no benchmark {unknown[0]}: choose of {', '.join(NAMES)}")
    started, failed = time.monotonic(), []
    for name in chosen.names or NAMES:
        if find_spec(f"benchmarks.{name}") is None:
            continue
        if time.monotonic() - started > chosen.budget:
            print(f"{name}: left out, the time is up", file=sys.stderr)
            continue
        words = ["--out", str(chosen.out), *(["--quick"] if chosen.quick else [])]
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *words]).returncode:
            failed.append(name)
    print("\n== all", flush=True)
    for found in performance.read(chosen.out.glob("*.json")):
        machine = found.machine
        print(
            f"{found.name}: {machine.device}, {machine.n_cores} cores, {machine.threads} threads, load "
            f"{machine.load:g}{', quick' if found.quick else ''}"
        )
        for one in (*found.quantities, *found.curves):
            print(f"  {line(one)}")
    for name in failed:
        print(f"{name} failed: see above", file=sys.stderr)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
