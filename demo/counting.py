"""What must be true at the end: expected from what was put on the recorders, seen from outside."""

import json
from dataclasses import dataclass
from pathlib import Path

from contracts.facts import (
    AlertCleared,
    AlertOpened,
    ClockSet,
    FootageImported,
    FootageUnreadable,
    RecorderChecked,
    RecorderIssued,
    RecorderReturned,
    VisitCompleted,
    VisitInterrupted,
)
from contracts.questions import FootageQuestioned
from demo.card import fingerprint, sha256_of
from demo.scene import Scene, facts_in
from demo.story import (
    CLASH,
    CLOCK_OFF_SECONDS,
    FAST,
    INBOX,
    ISSUED,
    LATE,
    LOW,
    NORMAL,
    PULLED,
)
from demo.world import STATION
from outside.clock import clock_state

Known = tuple[str, str, str]  # recorder, path, SHA-256


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be so."""

    name: str
    expected: object
    actual: object

    @property
    def holds(self) -> bool:
        """Tell whether it is so."""
        return self.expected == self.actual


def count_story(scene: Scene) -> tuple[Check, ...]:
    """Compare what the programs hold with what was put on the recorders."""
    for card in scene.cards.values():
        card.look()
    put = _put_on_recorders(scene)
    torn = {(recorder, path) for recorder, path, _ in _torn(scene)}
    wanted = {(r, path, sha256) for r, path, sha256 in put if (r, path) not in torn}
    return (
        *count_footage(scene, wanted, _sources(scene)),
        *_count_visits(scene),
        *_count_findings(scene),
        *_count_handovers(scene),
        *_count_alerts(scene),
        Check("cards_unchanged", True, all(card.unchanged for card in scene.cards.values())),
        *count_proofs(scene, _sources(scene)),
    )


def count_footage(scene: Scene, wanted: set[Known], sources: dict[str, Path]) -> tuple[Check, ...]:
    """Check that ledger and archive hold just the files that were given, byte for byte."""
    facts = scene.facts(FootageImported)
    entered = [(f.recorder, f.path.decode("utf-8", "surrogateescape"), f.sha256) for f in facts]
    digests = {sha256 for _, _, sha256 in wanted}
    return (
        Check("files_entered", len(wanted), len(wanted & set(entered))),
        Check("files_entered_twice_or_unasked", [], _surplus(entered, wanted)),
        Check("files_missing_from_the_ledger", [], sorted(wanted - set(entered))),
        Check("files_in_the_archive", len(digests), _archived(scene, digests)),
        Check("files_like_the_originals", len(sources), _same_bytes(scene, sources)),
        Check("files_not_linked_by_name", [], [f.view for f in facts if not _is_linked(scene, f)]),
    )


def count_proofs(scene: Scene, sources: dict[str, Path]) -> tuple[Check, ...]:
    """Check that everything is witnessed, verifies, and can be proved."""
    scene.tell(
        "逐项核对: 台账、资料库、中心、证明 (约半分钟)",
        "Checking ledger, archive, index and proofs (about half a minute)",
    )
    _wait_witnessed(scene)
    said = scene.snapshot()
    verify, report = scene.agent("verify", "--footage")
    index = scene.programs.run("muster-index", "verify", "--config", str(scene.world.index_toml))
    return (
        Check("entries_at_the_index", said.ledger_size, said.index_has),
        Check("entries_witnessed", said.ledger_size, said.witnessed),
        Check("agent_verify", (0, ""), (verify, report if verify else "")),
        Check(
            "index_verify",
            (0, ""),
            (index.code, index.output + index.complaints if index.code else ""),
        ),
        *_count_one_proof(scene, min(sources.values(), key=_handy, default=None)),
    )


def _count_one_proof(scene: Scene, file: Path | None) -> tuple[Check, ...]:
    if file is None:
        return ()
    bundle, forged = scene.world.folder / "one.proof", scene.world.folder / "forged"
    said = (json.loads(scene.retained(topic)) for topic in (f"{STATION}/meta", "index/state"))
    trusted = [word for whose in said for word in ("--key", whose["key"])]
    scene.agent("prove", str(file), "-o", str(bundle))
    forged.write_bytes(_flipped(file.read_bytes()))
    code, words = scene.agent("check-proof", str(bundle), str(file), *trusted)
    refused, _ = scene.agent("check-proof", str(bundle), str(forged), *trusted)
    forged.unlink()
    is_witnessed = "中心见证于 / witnessed" in words
    return (
        Check("proof_holds", (0, True, ""), (code, is_witnessed, words if code else "")),
        Check("proof_of_a_flipped_byte_is_refused", True, refused == 1),
    )


def _count_visits(scene: Scene) -> tuple[Check, ...]:
    dockings = [d for card in scene.cards.values() for d in card.dockings]
    cut_short = scene.cards[PULLED].dockings[1]
    completed = scene.facts(VisitCompleted)
    interrupted = scene.facts(VisitInterrupted)
    resumed = [v for v in completed if v.recorder == PULLED][-1]
    inbox_visits = 1
    return (
        Check("visits_completed", len(dockings) - 1 + inbox_visits, len(completed)),
        Check("visits_interrupted", [PULLED], [v.recorder for v in interrupted]),
        Check("files_proven_before_the_interruption", 2, interrupted[0].counts.imported),
        Check("files_held_when_it_went_on", 2, resumed.counts.held),
        Check("visits_that_add_up", len(completed), len([v for v in completed if _adds_up(v)])),
        Check(
            "files_listed",
            sum(len(d.files) for d in dockings) - len(cut_short.files) + inbox_visits,
            sum(v.counts.listed for v in completed),
        ),
    )


def _count_findings(scene: Scene) -> tuple[Check, ...]:
    unreadable = scene.facts(FootageUnreadable)
    checked = [c for c in scene.facts(RecorderChecked, FAST) if c.findings]
    offsets = [r.value for c in checked for r in c.readings if r.kind == "clock_offset_ms"]
    clash = [f.recorder for f in scene.facts(FootageImported) if _has(f, "name_clash")]
    wrong_hour = [f.name for f in scene.facts(FootageImported, FAST) if not _is_corrected(f)]
    return (
        Check(
            "files_unreadable",
            scene.expected["unreadable"],
            [(f.recorder, f.path.decode(), f.offset) for f in unreadable],
        ),
        Check("unreadable_because_of_eio", [True], ["(EIO)" in f.reason for f in unreadable]),
        Check("name_clashes", [CLASH], clash),
        Check(
            "questions_asked",
            [(NORMAL, "hole"), (LATE, "hole")],
            [(asked.recorder, asked.kind) for asked in scene.facts(FootageQuestioned)],
        ),
        Check("clock_offsets_measured_ms", [CLOCK_OFF_SECONDS * 1000], offsets),
        Check(
            "clocks_set",
            [(FAST, CLOCK_OFF_SECONDS * 1000)] if clock_state() == "synchronised" else [],
            [(c.recorder, c.offset_ms_before) for c in scene.facts(ClockSet)],
        ),
        Check("recordings_dated_by_the_wrong_clock", [], wrong_hour),
    )


def _count_handovers(scene: Scene) -> tuple[Check, ...]:
    refused = [answer.code for answer in scene.answers if not answer.ok]
    issued = [fact.recorder for fact in scene.facts(RecorderIssued)]
    returned = [fact.recorder for fact in scene.facts(RecorderReturned)]
    return (
        Check("issued", sorted([*ISSUED, LATE, LOW]), sorted(issued)),
        Check("returned", sorted([*ISSUED, LATE]), sorted(returned)),
        Check("issues_refused", ["checks_failed"], refused),
    )


def _count_alerts(scene: Scene) -> tuple[Check, ...]:
    ledger = scene.world.index_state / "ledger"
    opened = [(a.kind, a.recorder) for a in facts_in(ledger, AlertOpened) if a.kind == "missing"]
    cleared = [(a.kind, a.outcome) for a in facts_in(ledger, AlertCleared) if a.kind == "missing"]
    return (
        Check("alerts_opened", [("missing", LATE)], opened),
        Check("alerts_cleared", [("missing", "met_late")], cleared),
        Check("alert_retained_on_mqtt", True, scene.expected["alert_retained"]),
        Check("alert_on_the_office_page", True, scene.expected["alert_on_page"]),
    )


def _put_on_recorders(scene: Scene) -> set[Known]:
    dockings = [d for card in scene.cards.values() for d in card.dockings]
    inbox = fingerprint(scene.world.inbox)
    return {(d.recorder, path, sha256) for d in dockings for path, sha256 in d.files.items()} | {
        (INBOX, path, sha256) for path, (_, _, sha256) in inbox.items()
    }


def _sources(scene: Scene) -> dict[str, Path]:
    """Return the files that are still on the recorders, and readable there, by digest."""
    torn = {(recorder, path) for recorder, path, _ in _torn(scene)}
    folders = {card.number: card.files for card in scene.cards.values()}
    folders[INBOX] = scene.world.inbox
    return {
        sha256: folder / path
        for number, folder in folders.items()
        for path, (_, _, sha256) in fingerprint(folder).items()
        if (number, path) not in torn
    }


def _torn(scene: Scene) -> list[tuple[str, str, int]]:
    torn = scene.expected["unreadable"]
    if not isinstance(torn, list):
        raise TypeError(torn)
    return torn


def _surplus(entered: list[Known], wanted: set[Known]) -> list[Known]:
    return sorted(k for k in set(entered) if entered.count(k) > 1 or k not in wanted)


def _archived(scene: Scene, digests: set[str]) -> int:
    objects = (_object(scene, digest) for digest in digests)
    return len([path for path in objects if path.is_file() and sha256_of(path) == path.name])


def _same_bytes(scene: Scene, sources: dict[str, Path]) -> int:
    pairs = ((source, _object(scene, digest)) for digest, source in sources.items())
    return len([1 for source, kept in pairs if _equal(source, kept)])


def _equal(source: Path, kept: Path) -> bool:
    return kept.is_file() and sha256_of(source) == sha256_of(kept)


def _object(scene: Scene, digest: str) -> Path:
    return scene.world.archive / "objects" / "sha256" / digest[:2] / digest[2:4] / digest


def _is_linked(scene: Scene, fact: FootageImported) -> bool:
    view = scene.world.archive / fact.view
    return view.is_file() and view.samefile(_object(scene, fact.sha256))


def _adds_up(visit: VisitCompleted) -> bool:
    return visit.counts.listed == visit.counts.settled


def _has(fact: FootageImported, code: str) -> bool:
    return any(finding.code == code for finding in fact.findings)


def _is_corrected(fact: FootageImported) -> bool:
    fast_by = fact.modified_at - fact.recorded_at
    return (
        fact.clock_offset_ms == CLOCK_OFF_SECONDS * 1000
        and fast_by.total_seconds() >= CLOCK_OFF_SECONDS
    )


def _wait_witnessed(scene: Scene) -> None:
    def is_witnessed() -> bool:
        said = scene.snapshot()
        return said.ledger_size == said.index_has == said.witnessed

    scene.programs.wait_for("everything is witnessed", is_witnessed)


def _handy(file: Path) -> tuple[bool, int]:
    size = file.stat().st_size
    return size == 0, size


def _flipped(raw: bytes) -> bytes:
    if not raw:
        return b"\0"
    middle = len(raw) // 2
    return raw[:middle] + bytes([raw[middle] ^ 1]) + raw[middle + 1 :]
