"""A station installed without a network as docs/operating.md tells, under systemd itself."""

import os
import re
import stat
from pathlib import Path

import pytest

from contracts.loading import from_json
from contracts.snapshot import Snapshot
from ledger.reading import LedgerReader
from tests.deployment.container import machine, put_on_stick
from tests.support.debian import STICK, block_with
from tests.support.loopdisk import attached, make_image, mounted, run
from tests.support.running_agent import World

UNITS = ("muster-mounter.socket", "muster-agent", "muster-station", "muster-index")
LEDGER = "var/lib/muster/ledger"
NEWER = "9.9.9"
# A loop device is a recorder only here, where there is no USB.
LOOPS = "[Service]\nDeviceAllow=block-loop {}\n"


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    """A running station and its index, with one recorder docked."""
    folder = tmp_path_factory.mktemp("machine")
    make_image(folder / "card", 16)
    with attached(folder / "card") as node, machine(folder) as station:
        (folder / "mount").mkdir()
        with mounted(node, folder / "mount"):
            (folder / "mount" / "20261121_083000.mp4").write_bytes(b"footage")
            (folder / "mount" / "20261121_083000.mp4").chmod(0o644)
            (folder / "mount").chmod(0o755)
        put_on_stick(station.root)
        station.boot()
        _install(station)
        _set_up(station, node)
        station.sh(block_with(2, "enable --now"))
        yield station


def _install(station):
    """Do as section 2 tells; that the disk of the archive is mounted is taken for granted."""
    (station.root / "srv/muster").mkdir()
    (station.root / "etc/udev/rules.d").mkdir(parents=True, exist_ok=True)
    for words in ("python3 -m venv", "muster-station.service", "muster-index.service"):
        station.sh(f"cd {STICK}\n{_without_udev(block_with(2, words))}")


def _without_udev(commands):
    """Leave out what asks the kernel's devices; the rig does it in a machine that has some."""
    commands = commands.replace(" && udevadm control --reload", "")
    return "\n".join(line for line in commands.splitlines() if not line.startswith("findmnt"))


def _set_up(station, node):
    """Give the station one dock and the recorder that stands in it, and no broker."""
    etc = station.root / "etc/muster"
    for name in ("station.toml", "index.toml"):
        text = (etc / name).read_text().replace('host = "mqtt.example.lan"', 'host = ""')
        text = re.sub(r"(?m)^(ca|certificate|key)_file = .*", "", text)
        text, docks = re.subn(r"\[\[dock\]\]\nnumber = \d\nport = .*\n", "", text)
        text += f'[[dock]]\nnumber = 1\nport = "loop:{node.name}"\n' if docks else ""
        (etc / name).write_text(text)
    volume = run("blkid", "-p", "-s", "UUID", "-o", "value", str(node)).strip()
    world = World(etc)
    world.write_roster(f'[[recorder]]\nnumber = "L1"\ndepartment = "d1"\nvolume = "{volume}"\n')
    (etc / "roster.toml").chmod(0o644)  # station and index share one here
    for unit, rights in (("muster-agent", "r"), ("muster-mounter", "rw")):
        folder = station.root / f"etc/systemd/system/{unit}.service.d"
        folder.mkdir()
        (folder / "loops.conf").write_text(LOOPS.format(rights))
    there = Path(f"/proc/{station.leader}/root/dev") / node.name
    os.mknod(there, stat.S_IFBLK | 0o640, node.stat().st_rdev)
    # udevd, which would say what is on the disk, does not run in a container: the agent looks.
    station.sh(f"chgrp muster /dev/{node.name}; systemctl daemon-reload")


@pytest.fixture
def agent(station):
    """The station, its agent running, and nothing else on its mind."""
    station.sh("systemctl reset-failed; systemctl start muster-agent")
    return station


def entries(station, kind):
    with LedgerReader(station.root / LEDGER) as reader:
        return tuple(reader.select(types=(kind,)))


def pid_of(station, unit="muster-agent"):
    return int(station.shown(unit, "MainPID"))


def started_anew(station, before):
    return station.shown("muster-agent", "ActiveState") == "active" and (
        pid_of(station) not in (0, before)
    )


def user_of(station, unit):
    return station.sh(f"ps -o user:20= -p {pid_of(station, unit)}").strip()


def helpers(station):
    """Return the processes that hold a card."""
    return station.sh(f"pgrep -P {pid_of(station, 'muster-mounter')}", check=False).split()


def may(station, user, how, path):
    command = f"setpriv --reuid={user} --regid={user} --init-groups test {how} {path}"
    return station.sh(f"{command} && echo yes || echo no").strip() == "yes"


def test_everything_starts_and_runs_as_who_it_is_to_be(agent):
    for unit in UNITS:
        assert agent.shown(unit, "ActiveState") == "active", agent.journal(unit)
        assert agent.shown(unit, "NRestarts") in ("0", "")
    assert user_of(agent, "muster-agent") == "muster-agent"
    assert user_of(agent, "muster-station") == "muster-station"
    for unit in ("muster-agent", "muster-station", "muster-index"):
        status = agent.sh(f"cat /proc/{pid_of(agent, unit)}/status")
        assert "CapEff:\t0000000000000000" in status
        assert "CapBnd:\t0000000000000000" in status


def test_a_card_is_imported_by_an_agent_without_rights(agent):
    agent.until(lambda: entries(agent, "visit.completed"))
    (imported,) = entries(agent, "footage.imported")
    assert imported.data["name"].endswith("20261121_083000.mp4")
    shown = agent.sh("cat /run/muster/snapshot.json")
    assert from_json(shown.encode(), Snapshot).docks[0].recorder == "L1"


def test_a_held_card_is_mounted_where_nobody_else_sees_it(agent):
    agent.until(lambda: len(helpers(agent)) == 1)
    for process in ("1", str(pid_of(agent))):
        assert "/dev/loop" not in agent.sh(f"cat /proc/{process}/mountinfo")
    (held,) = helpers(agent)
    mount = agent.sh(f"grep /dev/loop /proc/{held}/mountinfo")
    assert re.search(r"/mnt ro,nosuid,nodev,noexec,noatime", mount)


def test_a_killed_agent_is_started_again_and_its_card_was_let_go(agent):
    agent.until(lambda: helpers(agent))
    before, (helper, *_) = pid_of(agent), helpers(agent)
    agent.sh("systemctl kill --kill-who=main --signal=KILL muster-agent")
    agent.until(lambda: started_anew(agent, before))
    agent.until(lambda: helpers(agent) and helper not in helpers(agent))
    assert len(helpers(agent)) == 1


def test_a_killed_helper_is_started_again_and_a_card_that_is_held_stays_held(agent):
    agent.until(lambda: len(helpers(agent)) == 1)
    before, (holding,) = pid_of(agent, "muster-mounter"), helpers(agent)
    agent.sh("systemctl kill --kill-who=main --signal=KILL muster-mounter")
    agent.until(lambda: pid_of(agent, "muster-mounter") not in (0, before))
    assert "/dev/loop" in agent.sh(f"cat /proc/{holding}/mountinfo")
    agent.sh("systemctl restart muster-agent")
    agent.until(lambda: len(helpers(agent)) == 1)
    agent.sh(f"! test -e /proc/{holding}")


def test_an_agent_that_hangs_is_killed_by_the_watchdog_and_started_again(agent):
    drop_in = agent.root / "etc/systemd/system/muster-agent.service.d/soon.conf"
    drop_in.write_text("[Service]\nWatchdogSec=5\n")
    agent.sh("systemctl daemon-reload; systemctl restart muster-agent")
    before = pid_of(agent)
    agent.sh(f"kill -s STOP {before}")
    agent.until(lambda: started_anew(agent, before))
    drop_in.unlink()
    agent.sh("systemctl daemon-reload; systemctl restart muster-agent")
    assert "Watchdog timeout" in agent.journal("muster-agent")


def test_a_stop_is_clean_and_lets_every_card_go(agent):
    agent.until(lambda: helpers(agent))
    agent.sh("systemctl stop muster-agent")
    assert agent.shown("muster-agent", "Result") == "success"
    assert agent.shown("muster-agent", "ExecMainStatus") == "0"
    agent.until(lambda: not helpers(agent))
    assert "/dev/loop" not in agent.sh("cat /proc/[0-9]*/mountinfo", check=False)


@pytest.mark.parametrize(
    ("user", "how", "path", "allowed"),
    [
        ("muster-agent", "-r", f"/{LEDGER}/ledger.key", True),
        ("muster-agent", "-r", "/var/lib/muster-index/witness.key", False),
        ("muster-agent", "-w", "/etc/muster/station.toml", False),
        ("muster-agent", "-w", "/opt/muster/bin", False),
        ("muster-agent", "-r", "/etc/shadow", False),
        ("muster-station", "-r", f"/{LEDGER}/ledger.db", True),
        ("muster-station", "-w", f"/{LEDGER}/ledger.db", False),
        ("muster-station", "-w", f"/{LEDGER}", False),
        ("muster-station", "-r", f"/{LEDGER}/ledger.key", False),
        ("muster-station", "-w", "/srv/muster/archive", False),
        ("muster-station", "-w", "/run/muster-mounter.sock", False),
        ("muster-index", "-r", f"/{LEDGER}/ledger.db", False),
        ("muster-index", "-r", "/srv/muster/archive", False),
        ("nobody", "-r", "/etc/muster/station.toml", False),
        ("nobody", "-w", "/run/muster-mounter.sock", False),
    ],
)
def test_each_user_may_do_what_is_his_and_no_more(agent, user, how, path, allowed):
    assert may(agent, user, how, path) is allowed


def test_the_pages_cannot_write_the_ledger_even_if_they_were_its_owner(agent):
    inside = f"nsenter -t {pid_of(agent, 'muster-station')} -m"
    said = agent.sh(f"{inside} touch /{LEDGER}/ledger.db 2>&1 || true")
    assert "Read-only file system" in said


def test_a_ledger_that_a_newer_version_has_written_is_refused(agent):
    agent.sh("systemctl stop muster-agent; cp -a /var/lib/muster /var/lib/kept")
    raise_version = (
        "import sqlite3; sqlite3.connect(f'/{}/ledger.db').execute('pragma user_version = 99')"
    )
    agent.sh(f'/opt/muster/bin/python -c "{raise_version.format(LEDGER)}"')
    agent.sh("systemctl start muster-agent", check=False)
    agent.until(lambda: "[ledger_newer]" in agent.journal("muster-agent"))
    agent.sh("systemctl stop muster-agent; rm -r /var/lib/muster; mv /var/lib/kept /var/lib/muster")
    agent.sh("systemctl reset-failed; systemctl start muster-agent")


def test_an_upgrade_keeps_the_ledger_and_says_the_new_version(agent):
    before = len(entries(agent, "agent.started"))
    put_on_stick(agent.root, NEWER)
    agent.sh("mkdir -p /backup")
    agent.sh(f"cd {STICK}\n{_without_udev(block_with(9, 'force-reinstall'))}")
    agent.until(lambda: len(entries(agent, "agent.started")) > before)
    assert entries(agent, "agent.started")[-1].data["version"] == NEWER
    assert agent.shown("muster-agent", "ActiveState") == "active"
