"""What the recordings of one recorder leave open: holes, lost numbers, overlaps, odd clocks; pure.

`find_questions` takes whatever a card may claim and never raises: any time, any name, any number.
Its answer does not depend on the order of the files.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import groupby, pairwise

from contracts.questions import QuestionKind
from contracts.roster import Questions

JOIN_MS = 3_000  # a recorder that starts its next file loses up to so much
MARGIN_MS = 60_000  # what a clock may be off, and is not worth a question
STRAY_MS = 120_000  # a file is closed so soon after its last picture
QUESTIONS_MAX = 30  # of one visit
_FEW = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
# In every zone a moment between these has a date.
_FIRST_MS = (datetime(2, 1, 1, tzinfo=UTC) - _EPOCH) // _MS
_LAST_MS = (datetime(9998, 12, 31, tzinfo=UTC) - _EPOCH) // _MS
_STAMP = re.compile(rb"\d{4}[-_.]?\d\d[-_.]?\d\d[-_.T ]?\d\d[-_.:]?\d\d[-_.:]?\d\d(?:\d{3})?")
_NUMBER = re.compile(rb"(?<!\d)\d{3,9}(?!\d)")


@dataclass(frozen=True, slots=True)
class Segment:
    """One recorded file, in ms since 1970 by the station's clock; `ended_ms` None is unknown.

    `stray_ms` is how much later than its end the file was last changed, by the recorder's own
    clock; None where its name does not tell the time.
    """

    began_ms: int
    path: bytes
    sha256: str
    ended_ms: int | None = None
    stray_ms: int | None = None

    @property
    def order(self) -> tuple[object, ...]:
        """By what segments are sorted, whatever is not known of them."""
        unknown = (self.ended_ms is None, self.stray_ms is None)
        times = (self.ended_ms or 0, self.stray_ms or 0)
        return (self.began_ms, self.path, self.sha256, *unknown, *times)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a recorder's files when a visit ends.

    `new` came with this visit, `earlier` before; `names` are all paths ever listed, recordings or
    not; `breaks_ms` the moments at which the recorder was issued, returned or docked; `seen_ms` is
    when it was docked this time.
    """

    new: frozenset[Segment]
    earlier: frozenset[Segment]
    names: frozenset[bytes] = frozenset()
    breaks_ms: tuple[int, ...] = ()
    seen_ms: int = _LAST_MS


@dataclass(frozen=True, slots=True)
class Question:
    """Something to ask about, and the recordings it is seen from."""

    kind: QuestionKind
    from_ms: int
    to_ms: int
    seen_in: tuple[Segment, ...]
    first: int | None = None
    last: int | None = None
    count: int = 1

    @property
    def key(self) -> str:
        """By what the same question is known again, whatever the clocks were said to be."""
        parts = [self.kind, str(self.first), str(self.last)]
        parts += [f"{one.path!r}{one.sha256}" for one in self.seen_in]
        return sha256("\n".join(parts).encode()).hexdigest()[:16]


def moment_ms(at: datetime) -> int:
    """Return a moment in ms since 1970."""
    return (at - _EPOCH) // _MS


def moment_at(moment: int) -> datetime:
    """Return the moment so many ms since 1970, or the nearest that there is."""
    return _EPOCH + max(_FIRST_MS, min(moment, _LAST_MS)) * _MS


def find_questions(known: Evidence, rule: Questions) -> tuple[Question, ...]:
    """Return what the wearer is to be asked, the earliest first; at most `QUESTIONS_MAX`.

    Each is about at least one new recording. What is beyond the limit is counted in the last.
    """
    every = sorted(known.new | known.earlier, key=_order)
    found = [
        question
        for wanted, find in _KINDS
        if wanted(rule)
        for question in find(every, known, rule)
        if any(segment in known.new for segment in question.seen_in)
    ]
    found.sort(key=lambda one: (one.from_ms, one.to_ms, one.kind, *map(_order, one.seen_in)))
    if len(found) <= QUESTIONS_MAX:
        return tuple(found)
    shown, rest = found[: QUESTIONS_MAX - 1], found[QUESTIONS_MAX - 1 :]
    end = max(one.to_ms for one in rest)
    return (*shown, Question("more", rest[0].from_ms, end, rest[0].seen_in, count=len(rest)))


def join(segments: Iterable[Segment]) -> tuple[tuple[Segment, ...], ...]:
    """Return segments as recordings: those of one series that follow one another at once."""
    joined: list[list[Segment]] = []
    for _, series in groupby(sorted(segments, key=_in_series), key=_series):
        before: Segment | None = None
        for segment in series:
            if before is not None and _follows(segment, before):
                joined[-1].append(segment)
            else:
                joined.append([segment])
            before = segment
    return tuple(sorted(map(tuple, joined), key=lambda parts: _order(parts[0])))


def _follows(segment: Segment, before: Segment) -> bool:
    return before.ended_ms is not None and abs(segment.began_ms - before.ended_ms) <= JOIN_MS


def _holes(every: Sequence[Segment], known: Evidence, rule: Questions) -> Iterator[Question]:
    """Find times without any recording between two of one duty."""
    shortest, longest = rule.hole_seconds * 1000, rule.pause_seconds * 1000
    breaks = sorted(known.breaks_ms)
    last: Segment | None = None  # that ends latest of those before
    is_open = False
    for segment in every:
        if last is not None and last.ended_ms is not None and not is_open:
            gap = segment.began_ms - last.ended_ms
            is_apart = bisect_left(breaks, last.ended_ms) < bisect_right(breaks, segment.began_ms)
            if shortest < gap < longest and not is_apart:
                yield Question("hole", last.ended_ms, segment.began_ms, (last, segment))
        # How long a recording goes on is not always known; then nothing is known of what follows.
        is_open = segment.ended_ms is None
        if not is_open and (last is None or _end(segment) >= _end(last)):
            last = segment


def _overlaps(every: Sequence[Segment], _known: Evidence, rule: Questions) -> Iterator[Question]:
    """Find two recordings of one series at the same time, but for a second lens or stream."""
    slack = max(rule.overlap_seconds, 0) * 1000
    for _, series in groupby(sorted(every, key=_in_series), key=_series):
        before: Segment | None = None
        for segment in series:
            if segment.ended_ms is None:
                continue
            if before is not None and _is_over(before, segment, slack):
                until = min(_end(before), _end(segment))
                yield Question("overlap", segment.began_ms, until, (before, segment))
            if before is None or _end(segment) >= _end(before):
                before = segment


def _is_over(before: Segment, segment: Segment, slack: int) -> bool:
    is_parallel = (
        abs(segment.began_ms - before.began_ms) <= slack
        and abs(_end(segment) - _end(before)) <= slack
    )
    is_same = before.sha256 == segment.sha256
    return _end(before) - segment.began_ms > slack and not is_parallel and not is_same


def _counters(every: Sequence[Segment], known: Evidence, _rule: Questions) -> Iterator[Question]:
    """Find numbers that no file has, in series of names that are numbered one by one."""
    taken = _taken(known)
    for width, epochs in _numbered(every, taken):
        for epoch in epochs:
            for (low, before), (high, after) in pairwise(epoch):
                count = high - low - 1 - _between(taken[width], low, high)
                if count:
                    at = (_end(before), after.began_ms)
                    yield Question(
                        "counter", min(at), max(at), (before, after), low + 1, high - 1, count
                    )


def _jumps(every: Sequence[Segment], known: Evidence, _rule: Questions) -> Iterator[Question]:
    """Find numbers that go on where the time went back, and files closed at an odd time."""
    for _, epochs in _numbered(every, _taken(known)):
        for earlier, later in pairwise(epochs):
            (last, before), (first, after) = later[-1], earlier[0]
            if last + 1 == first:
                yield Question("clock_jumped", after.began_ms, before.began_ms, (before, after))
    for segment in _strays(every):
        yield Question("clock_jumped", segment.began_ms, _end(segment), (segment,))


def _strays(every: Sequence[Segment]) -> list[Segment]:
    """Return recordings that were not closed as long after their end as the others were."""
    told = [(one.stray_ms, one) for one in every if one.stray_ms is not None]
    if len(told) < _FEW:
        return []
    usual = sorted(stray for stray, _ in told)[len(told) // 2]
    strays = [one for stray, one in told if abs(stray - usual) > STRAY_MS]
    # Where many differ, the times are those of a copy and say nothing.
    return strays if len(strays) * 4 <= len(told) else []


def _late(_every: Sequence[Segment], known: Evidence, _rule: Questions) -> Iterator[Question]:
    """Find what was recorded before the newest that came earlier."""
    if known.earlier:
        newest = max(one.began_ms for one in known.earlier)
        late = [one for one in known.new if one.began_ms < newest - MARGIN_MS]
        yield from _of_recordings("late", late)


def _future(_every: Sequence[Segment], known: Evidence, _rule: Questions) -> Iterator[Question]:
    """Find what is dated after it was docked."""
    ahead = [one for one in known.new if one.began_ms > known.seen_ms + MARGIN_MS]
    yield from _of_recordings("future", ahead)


def _of_recordings(kind: QuestionKind, segments: Iterable[Segment]) -> Iterator[Question]:
    for joined in join(segments):
        end = max(_end(one) for one in joined)
        ends = tuple(dict.fromkeys((joined[0], joined[-1])))
        yield Question(kind, joined[0].began_ms, end, ends, count=len(joined))


def _numbered(
    every: Sequence[Segment], taken: dict[int, list[int]]
) -> Iterator[tuple[int, list[list[tuple[int, Segment]]]]]:
    """Yield the width and the numbers of each series that is numbered one by one.

    In order of time, cut into epochs wherever the number does not rise.
    """
    series: dict[tuple[bytes, int], list[tuple[int, Segment]]] = {}
    for segment in every:
        for pattern, width, number in _numbers(segment.path):
            series.setdefault((pattern, width), []).append((number, segment))
    for (_, width), numbers in sorted(series.items()):
        epochs: list[list[tuple[int, Segment]]] = []
        for number, segment in numbers:
            if not epochs or number <= epochs[-1][-1][0]:
                epochs.append([])
            epochs[-1].append((number, segment))
        steps = [
            high - low - 1 == _between(taken[width], low, high)
            for epoch in epochs
            for (low, _), (high, _) in pairwise(epoch)
        ]
        if len(numbers) >= _FEW and sum(steps) * 2 >= max(len(steps), 1):
            yield width, epochs


def _taken(known: Evidence) -> dict[int, list[int]]:
    """Return every number that any file has, by its width; photographs share a counter."""
    paths = known.names | {one.path for one in known.new | known.earlier}
    taken: dict[int, set[int]] = {}
    for path in paths:
        for _, width, number in _numbers(path):
            taken.setdefault(width, set()).add(number)
    return {width: sorted(numbers) for width, numbers in taken.items()}


def _between(numbers: Sequence[int], low: int, high: int) -> int:
    return bisect_left(numbers, high) - bisect_left(numbers, low + 1)


def _numbers(path: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield each number in a file's name, with the name around it and its width."""
    folder, _, name = path.rpartition(b"/")
    stem = _STAMP.sub(b"@", name.rpartition(b".")[0] or name)
    for found in _NUMBER.finditer(stem):
        around = stem[: found.start()] + b"#" + stem[found.end() :]
        yield folder + b"/" + around, len(found[0]), int(found[0])


def _series(segment: Segment) -> bytes:
    """Return what files of one series share: folder, name without its digits, extension."""
    return re.sub(rb"\d+", b"#", segment.path)


def _in_series(segment: Segment) -> tuple[object, ...]:
    return (_series(segment), *segment.order)


def _order(segment: Segment) -> tuple[object, ...]:
    return segment.order


def _end(segment: Segment) -> int:
    return segment.began_ms if segment.ended_ms is None else segment.ended_ms


_Find = Callable[[Sequence[Segment], Evidence, Questions], Iterator[Question]]
_KINDS: tuple[tuple[Callable[[Questions], bool], _Find], ...] = (
    (lambda rule: rule.hole_seconds > 0, _holes),
    (lambda rule: rule.overlap_seconds > 0, _overlaps),
    (lambda rule: rule.counter, _counters),
    (lambda rule: rule.clock, _jumps),
    (lambda rule: rule.clock, _future),
    (lambda rule: rule.late, _late),
)
