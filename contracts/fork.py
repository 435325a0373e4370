"""The report of a fork, judged by itself: did one key sign two histories?

`index.forks` writes such reports; here neither the index nor the station's ledger is needed.
"""

from dataclasses import dataclass

from contracts.checkpoint import Checkpoint, verify_checkpoint
from contracts.errors import NoteError, ProofError
from contracts.loading import from_json
from contracts.note import VerifyingKey, from_base64
from contracts.problem import Problem
from contracts.tree import Head, verify_consistency


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the index had: its newest signed head, and how it contains the presented size."""

    note: str | None
    root_then: str | None
    proof: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Presented:
    """What the station then showed."""

    note: str


@dataclass(frozen=True, slots=True)
class Report:
    """The parts of a report that prove something."""

    station: str
    key: str
    accepted: Accepted
    presented: Presented


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a report shows: nothing wrong with it means that the key signed two histories."""

    problems: tuple[Problem, ...]
    report: Report | None = None

    @property
    def holds(self) -> bool:
        """Tell whether the fork is proven."""
        return not self.problems


def check_fork(raw: bytes, trusted: str | None = None) -> Verdict:
    """Judge a report; without `trusted` the key it names is taken on trust."""
    try:
        report = from_json(raw, Report)
    except ValueError as error:
        return Verdict((Problem("report_malformed", detail=str(error).split("\n", 1)[0]),))
    if trusted not in (None, report.key):
        return Verdict((Problem("key_untrusted", detail=report.key),), report)
    try:
        why = _unproven(report)
    except NoteError as error:
        return Verdict((Problem("signature_wrong", detail=str(error.fields["why"])),), report)
    return Verdict((Problem("fork_unproven", detail=why),) if why else (), report)


def _unproven(report: Report) -> str | None:
    """Return why the two notes need not contradict one another."""
    key = VerifyingKey.parse(report.key)
    presented = verify_checkpoint(report.presented.note, key)
    if report.accepted.note is None:
        return "nothing had been accepted"
    accepted = verify_checkpoint(report.accepted.note, key)
    if presented.size > accepted.size:
        # That no proof was shown does not prove that there is none; the station's ledger does.
        return f"{presented.size} is newer than {accepted.size}; ask the station's ledger"
    return _same_history(report.accepted, presented, accepted)


def _same_history(said: Accepted, presented: Checkpoint, accepted: Checkpoint) -> str | None:
    root_then = from_base64(said.root_then or "")
    proof = tuple(map(from_base64, said.proof))
    try:
        verify_consistency(Head(presented.size, root_then), accepted.head, proof)
    except ProofError as error:
        return str(error.fields["why"])
    return f"both are of one history at {presented.size}" if root_then == presented.root else None
