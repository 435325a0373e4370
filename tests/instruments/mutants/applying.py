"""Copies of the tree, a bug in one of them, and what the suite says of it.

A bug counts as caught only when tests ran and failed, or when an instrument ran and counted a
violation; a tree that cannot be imported, or a program that cannot start, catches nothing.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[3]
SERVING = Path(__file__).with_name("serving.py")
COPIED = (
    *("contracts", "ledger", "outside", "look", "agent", "station", "index"),
    *("config", "docs", "demo", "tests", "benchmarks", "systemd", "pyproject.toml"),
)
PATIENCE_SECONDS = 120
_FAILED = re.compile(r"^FAILED \S*?::(\S+)", re.MULTILINE)


class MutantError(Exception):
    """The list of bugs no longer fits the code, or its catcher fails without any bug."""


@dataclass(frozen=True)
class Mutant:
    """One bug: `old` becomes `new` in a file; `caught_by` are tests, or an instrument's words."""

    id: str
    file: str
    old: str
    new: str
    breaks: str
    caught_by: tuple[str, ...]

    @property
    def command(self) -> list[str]:
        """What is to fail when the bug is there."""
        return command(self.caught_by)


@dataclass(frozen=True)
class Verdict:
    """What the suite said."""

    caught: bool
    by: str
    seconds: float
    output: str


def command(catcher: tuple[str, ...]) -> list[str]:
    """Return a module and its words: `("crash", "--states", "50")` or pytest's node ids."""
    if catcher[0].startswith("tests/"):
        return ["pytest", "-x", "-q", "-rf", "-p", "no:cacheprovider", *catcher]
    return [f"tests.instruments.{catcher[0]}", *catcher[1:]]


def power_cut(scenario: str = "first") -> tuple[str, ...]:
    """Return the catcher that a power cut somewhere in a scenario is."""
    return ("crash", "--scenario", scenario, "--states", "3000", "--first", "--seed", "1")


def tests(file: str, *names: str) -> tuple[str, ...]:
    """Return the catcher that these tests of a file are: all of it if none is named."""
    path = f"tests/{file}.py"
    return tuple(f"{path}::test_{name}" for name in names) or (path,)


@contextmanager
def tree() -> Iterator[Path]:
    """Make a copy of everything that tests need; it is gone when the block ends."""
    root = Path(tempfile.mkdtemp(prefix="mutants-", dir="/dev/shm"))
    try:
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", ".hypothesis", "*.png")
                shutil.copytree(source, root / name, ignore=ignored, symlinks=True)
            else:
                shutil.copy2(source, root / name)
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def check(mutant: Mutant, root: Path) -> None:
    """Make sure that a bug can be put into a tree.

    Raises:
        MutantError: it cannot.
    """
    file = root / mutant.file
    found = file.read_text(encoding="utf-8").count(mutant.old) if file.exists() else 0
    if found != 1:
        raise MutantError(f"{mutant.id}: {mutant.file} holds its text {found} times")
    _parsed(mutant, file)


@contextmanager
def mutated(mutant: Mutant, root: Path) -> Iterator[None]:
    """Put a bug into a tree, and take it out again."""
    check(mutant, root)
    file = root / mutant.file
    sound = file.read_text(encoding="utf-8")
    try:
        _write(file, sound.replace(mutant.old, mutant.new))
        yield
    finally:
        _write(file, sound)


class Copy:
    """A copy of the tree, and the process that runs catchers in it (`serving`)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._said = root / "said"
        self._scratch = tempfile.TemporaryDirectory(prefix="mutants-")  # other runs have their own
        environment = {
            **os.environ,
            "PYTHONPATH": str(root),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_DEBUG_TEMPROOT": self._scratch.name,
        }
        self._serving = subprocess.Popen(
            [sys.executable, "-P", str(SERVING)],
            cwd=root,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._serving.communicate()
        self._scratch.cleanup()

    def ask(self, catcher: tuple[str, ...]) -> Verdict:
        """Let a catcher judge the tree."""
        began = time.monotonic()
        order = [command(catcher), str(self._said), PATIENCE_SECONDS]
        self._serving.stdin.write(f"{json.dumps(order)}\n")
        self._serving.stdin.flush()
        code = int(self._serving.stdout.readline())
        output = self._said.read_text("utf-8", errors="replace")
        is_pytest = catcher[0].startswith("tests/")
        by = _failed(output) if is_pytest else _violations(catcher[0], output)
        return Verdict(code == 1 and bool(by), by, time.monotonic() - began, output)


def _failed(output: str) -> str:
    """Return the first test that failed; one that could not be collected is none."""
    found = _FAILED.search(output)
    return found[1] if found else ""


def _violations(name: str, output: str) -> str:
    lines = [line for line in output.splitlines() if line.startswith('{"instrument"')]
    count = json.loads(lines[-1])["violations"] if lines else 0
    return f"{name}: {count} violations" if count else ""


def _parsed(mutant: Mutant, file: Path) -> None:
    try:
        ast.parse(file.read_text(encoding="utf-8").replace(mutant.old, mutant.new))
    except SyntaxError as error:
        raise MutantError(f"{mutant.id}: {error}") from error


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    # Compiled code is told from newer source by second and size alone.
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
        compiled.unlink()
