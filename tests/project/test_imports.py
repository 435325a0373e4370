"""Who may import what, where import-linter cannot say it."""

import ast
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAMS = ("contracts", "ledger", "look", "outside", "agent", "station", "index")
OURS = {*PROGRAMS, "look", "demo", "benchmarks", "tests"}
# What a room that decides may use of the standard library: nothing that reads a clock, a file,
# the network or another process.
PURE = {
    "ast", "base64", "bisect", "binascii", "collections", "contextlib", "dataclasses", "datetime",
    "difflib", "enum", "fnmatch", "functools", "hashlib", "itertools", "json", "math", "operator",
    "pathlib", "re", "string", "struct", "tomllib", "types", "typing", "unicodedata", "zoneinfo",
}  # fmt: skip
PURE_ROOMS = ("contracts", "agent/core", "agent/families", "index/core")
PURE_PACKAGES = {"pydantic", "rfc8785", "cryptography"}  # each computes only


def imports_of(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def sources(package: str) -> list[Path]:
    # Alembic's migration scripts are data to it: they import what it gives them.
    files = sorted((ROOT / package).rglob("*.py"))
    return [file for file in files if "migrations" not in file.parts]


def test_each_third_party_package_has_one_importer_in_each_program():
    importers: dict[tuple[str, str], list[str]] = defaultdict(list)
    for program in PROGRAMS:
        for file in sources(program):
            for package in imports_of(file) - OURS - set(sys.stdlib_module_names):
                importers[program, package].append(str(file.relative_to(ROOT)))
    assert {key: files for key, files in importers.items() if len(files) > 1} == {}


def test_rooms_that_decide_import_nothing_that_does_io():
    impure = {
        (str(file.relative_to(ROOT)), module)
        for room in PURE_ROOMS
        for file in sources(room)
        for module in imports_of(file) - OURS - PURE - PURE_PACKAGES
    }
    assert impure == set()


def test_rooms_that_decide_take_paths_only_as_values():
    verbs = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "exists", "iterdir"}
    used = {
        (str(file.relative_to(ROOT)), node.attr)
        for room in PURE_ROOMS
        for file in sources(room)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in verbs
    }
    assert used == set()
