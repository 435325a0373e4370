"""The wheel: whole, and working where there is no checkout."""

import subprocess
import sys
import sysconfig
import tomllib
from email import message_from_bytes
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SHIPPED = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
TAKEN_IN = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
# What a program opens as a resource comes from the wheel, and from nowhere else.
RESOURCES = """
import alembic.config, datetime, pathlib, sys
import agent.main, index.main, station.web
from index.store import Store
from ledger.store import Ledger
from contracts.entry import Moment
target, folder = map(pathlib.Path, sys.argv[1:])
for module in (agent.main, index.main, station.web, alembic.config):
    assert pathlib.Path(module.__file__).is_relative_to(target) is (module is not alembic.config)
now = Moment(datetime.datetime.now(datetime.UTC), "boot", 1, "unknown")
Ledger.open(folder / "ledger", "muster/example/s1", now, "0").close()
Store.open(f"sqlite:///{folder}/index.db").close()
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder))
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (made,) = folder.glob("muster-*-py3-none-any.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The wheel's own folder, and how to start Python on it without the checkout."""
    target = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index")
    subprocess.run((*pip, "--target", str(target), str(wheel)), check=True)

    def start(*words):
        # -S leaves out the .pth file by which this environment finds the checkout.
        path = f"{target}:{sysconfig.get_path('purelib')}:{sysconfig.get_path('platlib')}"
        done = subprocess.run(
            (sys.executable, "-S", "-W", "error", *words),
            cwd=target, env={"PYTHONPATH": path, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return target, start


def test_the_wheel_holds_every_tracked_file_of_the_packages_and_nothing_else(wheel):
    listing = subprocess.run(
        ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *SHIPPED),
        cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    files = {name for name in listing.stdout.decode().split("\0") if (ROOT / name).is_file()}
    files |= {
        f"{TAKEN_IN[name]}/{file.name}" for name in TAKEN_IN for file in (ROOT / name).iterdir()
    }
    held = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == files


def test_the_wheel_says_what_it_is(wheel):
    with ZipFile(wheel) as archive:
        folder = next(n for n in archive.namelist() if n.endswith("METADATA")).rpartition("/")[0]
        told = message_from_bytes(archive.read(f"{folder}/METADATA"))
        commands = archive.read(f"{folder}/entry_points.txt").decode()
        assert archive.read(f"{folder}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert (told["Name"], told["License-Expression"]) == ("muster", "Apache-2.0")
    assert told["Requires-Python"] == ">=3.11"
    assert told["Version"] == PROJECT["project"]["version"]
    for program in ("agent", "station", "index"):
        assert f"muster-{program} = {program}.cli:main" in commands


@pytest.mark.parametrize("program", ["agent", "station", "index"])
def test_a_program_starts_from_the_wheel_alone(installed, program):
    _, start = installed
    assert "Usage:" in start("-c", f"from {program}.cli import main; main()", "--help")
    said = start("-c", f"from {program}.cli import main; main()", "--version")
    assert said.split()[-1] == PROJECT["project"]["version"]


def test_tables_are_made_from_the_wheels_own_files(installed, tmp_path):
    target, start = installed
    start("-c", RESOURCES, str(target), str(tmp_path))


@pytest.mark.parametrize("program", ["station", "index"])
def test_every_page_is_found_in_the_wheel(installed, program):
    target, start = installed
    names = sorted(file.name for file in (ROOT / program / "templates").glob("*.html"))
    assert names
    load = (
        "import sys; from jinja2 import Environment, PackageLoader\n"
        f"loader = PackageLoader({program!r})\n"
        "found = sorted(n for n in loader.list_templates() if n.endswith('.html'))\n"
        "print(' '.join(found))"
    )
    assert start("-c", load).split() == names
    assert (target / program / "locale/en.po").read_bytes().startswith(b"#")
