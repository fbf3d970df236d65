"""Note that edited source files do what those of a commit did, so that runs made by them stay current.

    python scripts/equal_code.py COMMIT [--rename OLD=NEW ...]
    python scripts/equal_code.py COMMIT --file PATH [--now PATH ...] --proof TEXT

The first form proves what it can by the syntax trees: equal but for docstrings, for annotations, for where
imports stand and the imported module lies, and for names that ``--rename`` maps one to one. It lists what is
left. The second form takes your word for one file, such as the command that trained the same bits with both;
``--now`` names the files that its code is in today (by default the same; none: the code is gone from every
run). Only files on which a run can depend are looked at; the entries lie in
``src/partial_backprop/equal_code.json``.
"""

import argparse
import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from partial_backprop import sources
from partial_backprop.files import write_atomically

_OWN = "partial_backprop"


LIST = """
import json, sys
from partial_backprop import registry, sources
kinds = ("recipes", "networks", "data", "freezing")
module = getattr(registry, "module", "{}.{}".format)  # before there were folders of experiments
modules = [module(kind, name) for kind in kinds for name in registry.names(kind)]
root = sources._ROOT
paths = sources.closure(*modules, "recipes.gradient_sample")
json.dump({path.relative_to(root).as_posix(): path.read_text("utf-8") for path in paths}, sys.stdout)
"""


def of_folder(folder: Path) -> dict[str, str]:
    """Source files on which a run can depend, as the package in a folder says: path in it -> text."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    listed = subprocess.run(
        [sys.executable, "-c", LIST], check=True, stdout=subprocess.PIPE, env=environment
    )
    return json.loads(listed.stdout)


def of_commit(commit: str) -> dict[str, str]:
    """The same of a commit."""
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(
            ["git", "archive", commit, "src"], check=True, stdout=subprocess.PIPE
        )
        subprocess.run(["tar", "-x", "-C", folder], check=True, input=packed.stdout)
        return of_folder(Path(folder) / "src")


class _Plain(ast.NodeTransformer):
    """Without docstrings and imports, which are gathered; annotations unquoted; names mapped."""

    def __init__(self, renames: Mapping[str, str]) -> None:
        self.renames = renames
        self.imported: dict[str, str] = {}  # local name -> module and name that it stands for

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return ast.Pass()  # else an empty body has no place in the tree
        return self.generic_visit(node)

    def visit_Pass(self, node: ast.Pass) -> ast.AST:
        return node

    def visit_Import(self, node: ast.Import) -> ast.AST:
        for alias in node.names:
            self.imported[alias.asname or alias.name] = alias.name
        return ast.Pass()

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        if node.module == "typing":  # types change no number
            return ast.Pass()
        for alias in node.names:
            local = alias.asname or alias.name.partition(".")[0]
            self.imported[self._renamed(local)] = f"{node.module}:{alias.name}"
        return ast.Pass()

    def visit_If(self, node: ast.If) -> ast.AST:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for statement in node.body:
                self.visit(statement)
            return ast.Pass()
        return self.generic_visit(node)

    def _renamed(self, name: str) -> str:
        return self.renames.get(name, name)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for field in ("id", "attr", "name", "arg"):
            if isinstance(value := getattr(node, field, None), str):
                setattr(node, field, self._renamed(value))
        for field in ("annotation", "returns"):
            value = getattr(node, field, None)
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                setattr(node, field, ast.parse(value.value, mode="eval").body)
        super().generic_visit(node)
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(node, field, None)
            if isinstance(statements, list):
                left = [one for one in statements if not isinstance(one, ast.Pass)]
                setattr(node, field, left)
        return node


def _plain(text: str, renames: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    tree = ast.parse(text)
    kinds = ("id", "name", "attr", "arg")
    names = {getattr(node, kind, None) for node in ast.walk(tree) for kind in kinds}
    if taken := names & set(renames.values()):
        raise ValueError(f"--rename: {', '.join(sorted(taken))} is a name already")
    walker = _Plain(renames)
    return ast.dump(walker.visit(tree)), walker.imported


def proved(
    old: Mapping[str, str], new: Mapping[str, str], renames: Mapping[str, str]
) -> dict[str, list[str]]:
    """Edited file of `old` -> the files of `new` that have the same syntax tree and import the same code."""
    today = {sources.hash_code(path, text) for path, text in new.items()}
    plain_new = {path: _plain(text, {}) for path, text in new.items() if path.endswith(".py")}
    waiting = {}
    for path, text in old.items():
        if path.endswith(".py") and sources.hash_code(path, text) not in today:
            try:
                plain = _plain(text, renames)
            except ValueError:
                plain = _plain(text, {})
            same = [name for name, (tree, _) in plain_new.items() if tree == plain[0]]
            if path in same or len(same) == 1:
                waiting[path] = path if path in same else same[0], plain[1]
    # A module that is imported from elsewhere must be the same code there, which may be what is to be proved.
    while True:
        unproved = [
            path
            for path, (name, imported) in waiting.items()
            if not _imports_agree(imported, plain_new[name][1], old, new, waiting, renames)
        ]
        if not unproved:
            return {path: [name] for path, (name, _) in waiting.items()}
        for path in unproved:
            del waiting[path]


def _imports_agree(
    before: Mapping[str, str],
    after: Mapping[str, str],
    old: Mapping[str, str],
    new: Mapping[str, str],
    waiting: Mapping[str, tuple[str, dict[str, str]]],
    renames: Mapping[str, str],
) -> bool:
    if before.keys() != after.keys():
        return False
    for local, was in before.items():
        if was == after[local]:
            continue
        module, _, name = was.partition(":")
        if f"{module}:{renames.get(name, name)}" == after[local]:
            continue
        if not was.startswith(_OWN):
            return False
        (path, name), (path_now, name_now) = _place(was, old), _place(after[local], new)
        if renames.get(name, name) != name_now or (path is None) != (path_now is None):
            return False
        if path is None:  # of files on which no run depends
            continue
        moved = waiting.get(path, (None,))[0] == path_now
        then, now = sources.hash_code(path, old[path]), sources.hash_code(path_now, new[path_now])
        if not moved and sources.edited({"": then}, {"": now}):
            return False
    return True


def _place(imported: str, files: Mapping[str, str]) -> tuple[str | None, str]:
    """The file that an import reads, and the name that it takes from there ("" for a module)."""
    module, _, name = imported.partition(":")
    base = module.partition(".")[2].replace(".", "/")
    inner = f"{base}/{name}.py".removeprefix("/")
    if inner in files:
        return inner, ""
    return (f"{base}.py", name) if f"{base}.py" in files else (None, name)


def add(entries: Mapping[str, tuple[str, list[str], str]]) -> None:
    """Add hash -> file, hashes of today, proof."""
    table = json.loads(sources.EQUAL.read_bytes())
    for digest, (path, now, proof) in entries.items():
        if digest not in now:
            table[digest] = {"file": path, "now": now, "proof": proof}
    text = json.dumps(
        dict(sorted(table.items(), key=lambda item: (item[1]["file"], item[0]))), indent=1
    )
    write_atomically(sources.EQUAL, f"{text}\n".encode())


def _proof(text: str, renames: Mapping[str, str]) -> str:
    used = [f"{a}={b}" for a, b in renames.items() if re.search(rf"\b{a}\b", text)]
    return "same syntax tree" + (f", renamed {', '.join(used)}" if used else "")


def main() -> int:
    """Prove, note, and list what is left."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("commit")
    parser.add_argument("--rename", action="append", default=[], metavar="OLD=NEW")
    parser.add_argument("--file", metavar="PATH", help="relative to src/partial_backprop")
    parser.add_argument("--now", nargs="*", metavar="PATH")
    parser.add_argument("--proof")
    chosen = parser.parse_args()
    old, new = of_commit(chosen.commit), of_folder(Path(sources.__file__).parents[1])
    digests = {path: sources.hash_code(path, text) for path, text in new.items()}
    if chosen.file:
        if not chosen.proof:
            parser.error("--file needs --proof")
        now = [chosen.file] if chosen.now is None else chosen.now
        digest = sources.hash_code(chosen.file, old[chosen.file])
        add({digest: (chosen.file, [digests[path] for path in now], chosen.proof)})
        return 0
    renames = dict(pair.split("=") for pair in chosen.rename)
    found = proved(old, new, renames)
    add(
        {
            sources.hash_code(p, old[p]): (
                p,
                [digests[name] for name in now],
                _proof(old[p], renames),
            )
            for p, now in found.items()
        }
    )
    sources.forget()
    left = sources.edited(
        {path: sources.hash_code(path, text) for path, text in old.items()}, digests
    )
    print(f"{len(found)} files proved equal; {len(left)} left", *left, sep="\n  ")
    return int(bool(left))


if __name__ == "__main__":
    sys.exit(main())
