"""The ledger's commands of `muster-agent`, as people type them, beside a writer that runs."""

import shutil
import subprocess

import pytest

from contracts.checkpoint import WitnessRequest, verify_checkpoint
from contracts.note import SigningKey
from contracts.tree import leaf_hash
from index.core.receiving import Fork
from index.forks import fork_report
from tests.support import loaded
from tests.support.entering import MOMENT, cosign, draft, filled, opened
from tests.support.running_agent import PROGRAM, World


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    made.write("virtual:1")
    made.state.mkdir(exist_ok=True)
    return made


@pytest.fixture
def ledger(world):
    with filled(world.state / "ledger", 5) as made:
        yield made


def tell(*arguments):
    return loaded.run("muster-agent", *arguments)


def config(world):
    return ("--config", str(world.config))


def test_a_backup_of_a_ledger_in_use_verifies_by_itself(world, ledger, tmp_path):
    target, key = tmp_path / "backup", str(ledger.verifying_key)
    done = tell("ledger", "backup", str(target), *config(world))
    assert (done.returncode, "5" in done.stdout) == (0, True), done
    done = tell("ledger", "verify", str(target), "--key", key)
    assert done.returncode == 0, done
    assert done.stdout.splitlines()[:2] == [f"台账 / ledger {target}", f"公钥 / key {key}"]
    assert "NOT checked" in tell("ledger", "verify", str(target)).stdout
    assert tell("ledger", "backup", str(target), *config(world)).returncode == 70


def test_an_old_backup_put_back_is_refused_and_named_by_the_witness_note(world, ledger, tmp_path):
    old, folder = tmp_path / "old", ledger.folder
    tell("ledger", "backup", str(old), *config(world))
    ledger.append([draft(6)], MOMENT)
    cosign(ledger)
    ledger.close()
    done = tell("ledger", "verify", str(old), "--note", str(folder / "witness.note"))
    assert (done.returncode, "tail_missing" in done.stdout) == (1, True)
    for name in ("ledger.db-wal", "ledger.db-shm"):
        (folder / name).unlink()
    shutil.copy(old / "ledger.db", folder)
    done = tell("run", *config(world))
    assert done.returncode == 70
    for said in ("ledger_broken", "Delete nothing", "\n6\n", "\n5\n"):  # both notes
        assert said in done.stderr


def test_a_newest_backup_put_back_goes_on(world, ledger, tmp_path):
    backup, folder = tmp_path / "backup", ledger.folder
    tell("ledger", "backup", str(backup), *config(world))
    shutil.copy(folder / "ledger.key", backup)
    ledger.close()
    shutil.rmtree(folder)
    shutil.copytree(backup, folder)
    with opened(folder) as again:
        assert again.append([draft(6)], MOMENT)[0].sequence == 6


@pytest.mark.parametrize("command", ["verify", "check-proof", "check-fork"])
def test_a_key_that_is_none_is_wrong_use(world, ledger, command):
    file = str(world.config)
    arguments = {"check-proof": (file, file), "check-fork": (file,), "verify": config(world)}
    done = tell(command, *arguments[command], "--key", "nonsense")
    assert (done.returncode, done.stderr.count("name+id+base64")) == (2, 1), done


def test_a_time_zone_that_does_not_exist_is_wrong_use(world):
    file = str(world.config)
    done = tell("check-proof", file, file, "--zone", "Mars/Olympus")
    assert (done.returncode, "没有时区 'Mars/Olympus'" in done.stderr) == (2, True), done


@pytest.mark.parametrize("program", ["muster-agent", "muster-index", "muster-station"])
def test_every_program_tells_its_commands_whole(program):
    done = subprocess.run(
        [PROGRAM.with_name(program), "-h"], capture_output=True, text=True, check=True
    )
    assert "..." not in done.stdout.replace("[ARGS]...", "")


def test_a_pin_that_is_guessed_in_no_time_is_refused():
    for pin, code in (("123", 2), ("1234", 0)):
        done = loaded.run("muster-agent", "hash-pin", given=f"{pin}\n")
        assert done.returncode == code, done


def test_the_report_of_a_fork_is_judged_with_nothing_else_at_hand(world, ledger, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(ledger.folder / "ledger.key", other)
    with filled(other, 4) as twin:
        twin.append([draft(99)], MOMENT)
        request = WitnessRequest(5, (), str(twin.checkpoint))
    key, note = ledger.verifying_key, str(ledger.checkpoint)
    fork = Fork("two roots", verify_checkpoint(note, key).head, note, request, ())
    leaves = [leaf_hash(raw) for raw in ledger.raw(1, 6)]
    report = tmp_path / "report.json"
    report.write_bytes(fork_report("s1", key, fork, leaves, MOMENT.at).body)
    done = tell("check-fork", str(report), "--key", str(key))
    assert (done.returncode, "one key signed two histories" in done.stdout) == (0, True), done
    stranger = SigningKey.generate().verifying(key.name)
    assert tell("check-fork", str(report), "--key", str(stranger)).returncode == 1
