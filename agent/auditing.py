"""Checks what others must be able to rely on: the ledger, the archived files, the proofs.

Works beside a running agent: it only reads, but for the views, which are links that can be remade.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from agent.archive import Archive
from agent.archive.expecting import Books
from agent.archive.second import SecondCopy
from agent.core.copies import FOLDED, Copies
from agent.recalling import objects
from contracts.entry import Entry
from contracts.errors import MusterError, ObjectMissingError, SettingsError
from contracts.facts import FootageImported, fact_of
from contracts.fork import check_fork
from contracts.problem import Problem
from contracts.proof import check
from contracts.settings import StationSettings
from ledger.reading import LedgerReader, Search
from ledger.verifying import verify

_TELL_EVERY = 1000
_SHOWN = (
    ("recorder", "记录仪 / recorder"),
    ("name", "文件名 / name"),
    ("size", "字节 / bytes"),
    ("sha256", "SHA-256"),
)
_WHAT = {FootageImported.TYPE: "采集一个文件 / a file was imported"}


@dataclass(frozen=True, slots=True)
class ProofAnswer:
    """Whether a proof holds, and what to tell people about it."""

    holds: bool
    lines: tuple[str, ...]


def audit(
    folder: Path, key: str | None, notes: Collection[Path], tell: Callable[[str], None]
) -> tuple[str, ...]:
    """Return everything wrong with the ledger in a folder; `notes` are checkpoints kept elsewhere.

    Raises:
        LedgerStorageError: there is no ledger that could be read.
    """

    def progress(done: int, total: int) -> None:
        if done % _TELL_EVERY == 0 or done == total:
            tell(f"台账 / ledger {done}/{total}")

    kept = {str(note): note.read_bytes().decode(errors="replace") for note in notes}
    return tuple(map(str, verify(folder, key, progress, kept)))


def back_up(settings: StationSettings, target: Path) -> int:
    """Copy the ledger into a folder that has none, also beside a running agent; return its size.

    Raises:
        LedgerStorageError: the folder has a ledger, or cannot be written.
    """
    with LedgerReader(_folder(settings)) as reader:
        reader.back_up(target)
    with LedgerReader(target) as copy:
        return copy.size


def prove(settings: StationSettings, file: Path) -> bytes | None:
    """Return the proof bundle of the entry that imported this file's bytes; None if none did."""
    digest = sha256_of(file)
    with LedgerReader(_folder(settings)) as reader:
        found = reader.search(Search(text=digest, type=FootageImported.TYPE), 1)
        return reader.prove(found[0].sequence) if found else None


def check_proof(bundle: Path, file: Path, keys: Collection[str], zone: ZoneInfo) -> ProofAnswer:
    """Check a proof bundle against a file, with nothing else at hand; tell moments in a zone."""
    report = check(bundle.read_bytes(), sha256_of(file), keys or None)
    lines = [str(problem) for problem in report.problems]
    if report.entry is not None:
        lines += _entered(report.entry, zone)
    if report.key:
        lines.append(f"采集站公钥 / the station's key {report.key}")
    if report.witness:
        lines.append(f"中心公钥 / the index's key {report.witness}")
    if report.witnessed_at is not None:
        lines.append(f"中心见证于 / witnessed {_moment(report.witnessed_at, zone)}")
    elif report.holds:
        lines.append("尚未被见证 / not witnessed yet")
    lines.append(_verdict(holds=report.holds, keys_given=bool(keys)))
    return ProofAnswer(report.holds, tuple(lines))


def _entered(entry: Entry, zone: ZoneInfo) -> Iterator[str]:
    what = _WHAT.get(entry.type, "")
    yield f"台账第 {entry.sequence} 条 / entry {entry.sequence}: {what} ({entry.type})"
    yield f"登记于 / entered {_moment(entry.moment.at, zone)}"
    yield from (f"{word} {entry.data[key]}" for key, word in _SHOWN if key in entry.data)
    with suppress(KeyError, TypeError, ValueError):  # another type of entry, or made to hurt
        recorded_at = datetime.fromisoformat(entry.data["recorded_at"])
        told = "录制于 (由记录仪推知) / recorded (as the recorder lets infer)"
        yield f"{told} {_moment(recorded_at, zone)}"


def _moment(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone).isoformat(' ', 'seconds')} ({zone.key})"


def _verdict(*, holds: bool, keys_given: bool) -> str:
    if not holds:
        return "证明不成立 / the proof does not hold"
    if keys_given:
        return "证明成立, 公钥可信 / the proof holds, under keys you trust"
    return "证明自身一致, 未核对公钥 (--key) / consistent; the keys were NOT checked (--key)"


def check_fork_report(report: Path, key: str | None) -> ProofAnswer:
    """Judge the report of a fork, with nothing else at hand."""
    verdict = check_fork(report.read_bytes(), key)
    lines = list(map(str, verdict.problems))
    if verdict.report is not None:
        lines.append(f"公钥 / key {verdict.report.key}")
        lines.append(f"中心已接受 / accepted by the index:\n{verdict.report.accepted.note}")
        lines.append(
            f"采集站后来出示 / then shown by the station:\n{verdict.report.presented.note}"
        )
    if verdict.holds:
        lines.append("分叉成立: 同一公钥签了两份历史 / a fork: one key signed two histories")
    return ProofAnswer(verdict.holds, tuple(lines))


def rebuild_views(settings: StationSettings) -> tuple[int, int]:
    """Link every imported file where people look for it; return links made and objects missing."""
    archive = Archive(Path(settings.folders.archive))
    archive.adopt()
    made = missing = 0
    with LedgerReader(_folder(settings)) as reader:
        for entry in reader.select(types=(FootageImported.TYPE,)):
            fact = fact_of(entry, FootageImported)
            try:
                archive.link_view(fact.view.partition("/")[2], fact.sha256)
                made += 1
            except MusterError:
                missing += 1
    return made, missing


def sha256_of(file: Path) -> str:
    """Return a file's SHA-256."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def audit_footage(settings: StationSettings, tell: Callable[[str], None]) -> tuple[str, ...]:
    """Return everything wrong with the files that the ledger says are in the archive."""
    archive = Archive(Path(settings.folders.archive))
    archive.adopt()
    found = []
    checked: set[str] = set()
    with LedgerReader(_folder(settings)) as reader:
        for entry in reader.select(types=(FootageImported.TYPE,)):
            fact = fact_of(entry, FootageImported)
            if fact.sha256 in checked:
                continue
            checked.add(fact.sha256)
            try:
                archive.verify(fact.sha256)
            except MusterError as error:
                found.append(str(_named(entry, fact, error)))
        beside = Books(reader).beside() | Books(reader).kept()
        for one in beside.values():
            try:
                archive.verify_beside(one.path, one.sha256)
            except MusterError as error:
                if not one.sha256 and not isinstance(error, ObjectMissingError):
                    continue  # nobody knows what is in it
                detail = f"{one.path}: {error.text}"
                found.append(str(Problem("footage_damaged", one.sequence, detail)))
    others = "清单、残片和受损文件 / manifests, partial and damaged files"
    tell(f"文件 / files {len(checked)}, {others} {len(beside)}")
    return tuple(found)


def audit_second_copy(settings: StationSettings, tell: Callable[[str], None]) -> tuple[str, ...]:
    """Return everything wrong with the files that the ledger says are on the second copy.

    Raises:
        StationError: none is set up, or its disk is not there.
    """
    if settings.second_copy is None:
        raise SettingsError(file="station.toml", problems=("second_copy: 未设置 / not set up",))
    copies = Copies(True, settings.storage)
    archive = Archive(Path(settings.folders.archive))
    found = []
    with LedgerReader(_folder(settings)) as reader:
        books = Books(reader)
        for known in objects(reader):
            copies.prove(*known)
        for entry in reader.select(types=FOLDED):
            copies.fold(entry)
        second = SecondCopy(Path(settings.second_copy.path), archive, origin="")
        there = second.adopted(copies.commissioned)
        for sha256 in sorted(digest.hex() for digest in copies.confirmed):
            try:
                there.verify(sha256)
            except MusterError as error:
                one = books.objects(sha256[:2])[sha256]
                found.append(
                    str(Problem("footage_damaged", one.sequence, f"{one.shown}: {error.text}"))
                )
    tell(f"第二份副本 / second copy {len(copies.confirmed)}, 所欠 / owed {len(copies.owed)}")
    return tuple(found)


def _named(entry: Entry, fact: FootageImported, error: MusterError) -> Problem:
    return Problem("footage_damaged", entry.sequence, f"{fact.view}: {error.text}")


def _folder(settings: StationSettings) -> Path:
    return Path(settings.folders.state) / "ledger"
