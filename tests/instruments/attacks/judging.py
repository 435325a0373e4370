"""What each party says of an attacked ledger, compared with what it must say."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from contracts.batch import batches
from contracts.checkpoint import WitnessRequest
from contracts.errors import LedgerBrokenError, LedgerError, LedgerStorageError
from contracts.fork import check_fork
from contracts.tree import leaf_hash
from index.core.receiving import Fork
from index.forks import fork_report
from ledger.reading import LedgerReader
from ledger.store import Ledger
from ledger.verifying import verify
from tests.instruments.attacks.attacks import Attack, Seen
from tests.instruments.attacks.world import World
from tests.support.entering import MOMENT, PREFIX, WITNESS

NOW = datetime(2026, 9, 21, 9, tzinfo=UTC)
PARTIES = ("verify", "kept", "opening", "index")
UNREADABLE = {("database_damaged", None), ("ledger_storage", None)}


def judge(world: World, attack: Attack, folder: Path, party: str) -> Iterator[str]:
    """Yield what a party did not see and had to, or saw and could not."""
    attack.files.write(folder)
    if party == "opening":
        yield from _compare(attack.opening, _refusal(folder))
    elif party == "index":
        yield from _compare(attack.index, _heard(world, folder))
        if attack.index and "ledger ends" not in attack.index:
            yield from _report(world, folder)
    else:
        expected = attack.verify + (attack.kept if party == "kept" else ())
        yield from _codes(expected, _verified(world, folder, with_note=party == "kept"))


def _codes(expected: tuple[Seen, ...], found: set[Seen]) -> Iterator[str]:
    if not expected and found:
        yield f"verify found {sorted(map(str, found))}, and could not"
    if UNREADABLE & set(expected):
        if not UNREADABLE & found:
            yield f"verify found {found}, not that the database is damaged"
    elif missing := set(expected) - found:
        yield f"verify did not find {missing}, but {found}"


def _compare(expected: str, said: str) -> Iterator[str]:
    if expected == "*" and said:
        return
    if bool(expected) != bool(said) or expected not in said:
        yield f"expected {expected!r}, not {said!r}"


def _verified(world: World, folder: Path, *, with_note: bool) -> set[Seen]:
    kept = {"index": world.kept} if with_note else {}
    try:
        problems = verify(folder, world.public, kept=kept)
    except LedgerStorageError as error:
        return {(error.code, None)}
    return {(problem.code, problem.sequence) for problem in problems if str(problem)}


def _refusal(folder: Path) -> str:
    try:
        Ledger.open(folder, PREFIX, MOMENT, "0.1.0").close()
    except LedgerError as error:
        return str(error.fields["what"])
    return ""


def _heard(world: World, folder: Path) -> str:
    """Let the station hear what the index cosigned last, and the index what the station has."""
    fork = _shown(world, folder)
    if fork is not None:
        return fork.why
    try:
        with Ledger.open(folder, PREFIX, MOMENT, "0.1.0") as ledger:
            ledger.accept_cosignature(world.kept, WITNESS)
    except LedgerBrokenError as error:
        return str(error.fields["what"])
    return ""


def _shown(world: World, folder: Path) -> Fork | None:
    mirror = world.mirror()
    with LedgerReader(folder) as reader:
        old = min(mirror.have, reader.size)
        for payload in batches(reader.raw(old + 1, reader.size + 1)):
            mirror.take_entries(payload, NOW)
        proof = reader.consistency(old, reader.size)
        request = WitnessRequest(old, proof, str(reader.checkpoint)).format()
    outcomes = mirror.take_checkpoint(request, NOW)
    return next((outcome for outcome in outcomes if isinstance(outcome, Fork)), None)


def _report(world: World, folder: Path) -> Iterator[str]:
    """The report stands alone; of a newer head without proof, the accepted note shows it."""
    fork = _shown(world, folder)
    if fork is None:
        yield "the index saw no fork"
        return
    key = world.key.verifying(world.origin)
    leaves = list(map(leaf_hash, world.bodies[: world.index_has]))
    report = fork_report("s1", key, fork, leaves, NOW)
    verdict = check_fork(report.body, world.public)
    if verdict.holds:
        return
    if "ask the station's ledger" not in verdict.problems[0].detail:
        yield f"the report of the fork says only {verdict.problems}"
    found = {problem.code for problem in verify(folder, kept={"accepted": str(fork.accepted_note)})}
    if "head_differs" not in found:
        yield "the accepted note does not show the fork in the station's ledger"
