"""What `muster-agent record-fixture` does: all that one recorder tells, kept for who has none.

Only read-type requests are sent, as by `muster-agent ask`, and a card is listed; of its files only
the small ones are opened by which a recorder tells of itself. What shows itself as a camera or
player is listed in its own language, and none of its objects is opened.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from agent.core.admission import is_foreseen
from agent.core.device import languages
from agent.core.dialogue import Dialogue, Transport, converse
from agent.core.fixture import (
    PROBE,
    VERSION,
    Entry,
    Exchange,
    Fixture,
    Head,
    Plug,
    Recording,
    Replay,
    entry,
    parse,
    text,
)
from agent.core.profile import PLAIN, Language, Profile
from agent.core.pseudonyms import Pseudonyms, Refit, as_is, hidden
from agent.core.recorder import CardFile, Device, Recorder
from agent.core.remaining import Remaining, kept_words, remaining
from agent.families import FAMILIES
from agent.families.e12 import E12
from agent.families.framing import refitted
from agent.families.grammar import Grammar
from agent.families.ptp import PictureTransfer
from agent.families.ptp_recorded import Overheard, PtpReplay, hidden_operations, own_marks
from agent.families.ptp_tree import list_objects
from agent.families.vendor_library_recorded import hidden_calls, hidden_options
from agent.families.wearer import in_frames, in_json
from agent.families.zzx import Zzx
from agent.questioning import answers
from contracts.errors import (
    FixtureTakenError,
    NoAnswerError,
    NothingPluggedInError,
    RecorderError,
    RecorderGoneError,
    RecorderSilentError,
    TransportError,
)
from contracts.reading import Identity

MARKER_BYTES = 64 * 1024
PTP, LIBRARY = "ptp", "vendor_library"
_LISTED, _WORDS = 5, 60  # on one line of the screen
_LOOP = "loop:"
_UTC = ZoneInfo("UTC")
Open = Callable[[Device, Mapping[str, object]], Transport]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded, as it is, and what in it tells this recorder from another."""

    fixture: Fixture
    secrets: tuple[str, ...]
    profile: Profile

    def scrubbed(self) -> Fixture:
        """Return it without that."""
        names, markers = Pseudonyms(self.secrets), dict(_markers(self.profile))
        head = self.fixture.head
        if head.family == PTP:
            said = tuple(hidden_operations(self.fixture.exchanges, names))
            bare = replace(self.fixture, exchanges=(), entries=())
            return replace(hidden(bare, names, {}), exchanges=said, entries=objects(said))
        if head.family == LIBRARY:
            said = tuple(hidden_calls(self.fixture.exchanges, names, head.options))
            named = replace(head, options=hidden_options(head.options))
            bare = replace(self.fixture, head=named, exchanges=())
            return replace(hidden(bare, names, markers), exchanges=said)
        return hidden(self.fixture, names, markers, _refit(head))


@dataclass(frozen=True, slots=True)
class Means:
    """What a recording is made with."""

    opens: Mapping[str, Open]
    clock: Callable[[], float]
    program: str
    origin: Literal["hardware", "constructed"] = "hardware"


def _refit(head: Head) -> Refit:
    """Return how what was heard on a line is changed in a language."""
    family = FAMILIES[head.family](head.options) if head.family else None
    if isinstance(family, Grammar):
        frame = family.frame
        return lambda said, change: refitted(said, frame, change)
    if isinstance(family, E12):
        order = family.length_order
        return lambda said, change: in_frames(said, order, change)
    return in_json if isinstance(family, Zzx) else as_is


def found(devices: Iterable[Device], at: str) -> Device:
    """Return the device at a port or node.

    Raises:
        NothingPluggedInError: there is none.
        TransportError: the kernel does not let it in.
    """
    for device in devices:
        nodes = (device.node, device.usb, device.generic, *device.lines)
        if at not in {device.port, *map(str, nodes)}:
            continue
        if is_foreseen(device):
            reason = "内核未放行, 见 fixtures.md / not let in by the kernel: see fixtures.md"
            raise TransportError(node=device.usb, reason=reason)
        return device
    raise NothingPluggedInError(at=at)


def record(
    device: Device, profiles: Sequence[Profile], means: Means, attach: Callable[[Device], Recorder]
) -> Recorded:
    """Ask a device in its language if it has one, and list its card if it shows one.

    Raises:
        RecorderSilentError: it does neither.
        RecorderError: as driver and transport raise.
    """
    if device.port.startswith(_LOOP):
        # What it holds somebody made, and the image's path tells who.
        device = replace(device, description=device.port.removeprefix(_LOOP))
        means = replace(means, origin="constructed")
    tried = languages(device, profiles)
    spoken, unopened = _first(device, tried, means)
    if device.kind != "block":
        if spoken is None:
            names = ", ".join(one.name for one in tried)
            raise unopened or RecorderSilentError(device=device.description, tried=names)
        return spoken
    recorder = attach(device)
    try:
        listed = _listed(device, recorder, means)
    finally:
        recorder.release()
    return _together(spoken, listed) if spoken else listed


def write(recorded: Recorded, file: Path, *, scrub: bool) -> tuple[str, ...]:
    """Write a file, or add a card to one that has a dialogue; return what the person must know.

    Raises:
        FixtureTakenError: the file has such a part already.
        SettingsError: it is no fixture.
    """
    fixture = recorded.scrubbed() if scrub else recorded.fixture
    whole = _added(fixture, file)
    file.write_text("".join(f"{line}\n" for line in text(whole)), encoding="utf-8")
    return tuple(_remarks(recorded, fixture))


def _first(
    device: Device, tried: Sequence[Profile], means: Means
) -> tuple[Recorded | None, RecorderError | None]:
    """Return what is told in the first language that is answered, or why a way did not open.

    One plug may be told by several languages, as those of Android recorders are, each by a way of
    its own: one that does not open keeps nobody from the next.
    """
    unopened: RecorderError | None = None
    for profile in tried:
        try:
            spoken = _spoken(device, profile, means)
        except (RecorderGoneError, TransportError) as error:
            unopened = unopened or error
            continue
        if spoken is not None:
            return spoken, None
    return None, unopened


def _spoken(device: Device, profile: Profile, means: Means) -> Recorded | None:
    language = profile.language
    if language is not None and language.family == PTP:
        return _pictured(device, profile, means) if device.kind != "block" else None
    opens = means.opens.get(language.transport) if language else None
    if language is None or opens is None or language.family not in FAMILIES:
        return None
    transport = opens(device, language.options)
    try:
        return _asked(device, profile, language, Recording(transport, means.clock), means)
    finally:
        transport.close()


def _pictured(device: Device, profile: Profile, means: Means) -> Recorded | None:
    """Hold a session as the driver does, and list every object; none is opened."""
    ptp = PictureTransfer({})
    way = Overheard(means.opens["usb"](device, {}), means.clock)
    try:
        if not _in_session(ptp, way):
            return None
        facts: dict[str, Callable[[], Dialogue[object]]] = {
            "battery": ptp.battery,
            "clock": ptp.clock,
            "storage": ptp.storage,
            "files": lambda: list_objects(ptp, _UTC),
        }
        for fact, asks in facts.items():
            if not ptp.is_in_step and not _in_session(ptp, way):
                break
            way.fact = fact
            with suppress(NoAnswerError):  # which is kept as it is
                converse(asks(), way)
        with suppress(NoAnswerError):
            converse(ptp.end(), way)
    finally:
        way.close()
    said = way.kept()
    head = Head(VERSION, means.origin, profile.name, PTP, PTP, program=means.program)
    secrets = (*own_marks(said), *_own(device))
    return Recorded(Fixture(head, _plug(device), said, objects(said)), secrets, profile)


def _in_session(ptp: PictureTransfer, way: Overheard) -> bool:
    way.fact = PROBE
    try:
        converse(ptp.begin(), way)
    except NoAnswerError:
        return False
    return True


def objects(said: Sequence[Exchange]) -> tuple[Entry, ...]:
    """Return the files that a PTP recorder listed, as its recorded answers tell them."""
    ptp, way = PictureTransfer({}), PtpReplay(said)
    try:
        converse(ptp.begin(), way)
        listing = converse(list_objects(ptp, _UTC), way).listing
    except NoAnswerError:
        return ()
    return tuple(entry(file, None) for file in listing.files)


def _together(spoken: Recorded, listed: Recorded) -> Recorded:
    fixture = replace(spoken.fixture, entries=listed.fixture.entries)
    return Recorded(fixture, (*spoken.secrets, *listed.secrets), listed.profile)


def _asked(
    device: Device, profile: Profile, language: Language, way: Recording, means: Means
) -> Recorded | None:
    family = FAMILIES[language.family](language.options)
    way.fact = PROBE
    try:
        if not converse(family.probe(), way):
            return None
    except NoAnswerError:
        return None
    told = {one.fact: one.value for one in answers(family, way, lambda fact: _turn(way, fact))}
    head = Head(
        VERSION, means.origin, profile.name, language.family, language.transport,
        dict(language.options), program=means.program,
    )  # fmt: skip
    said = (str(told[name]) for name in ("number", "serial") if told.get(name))
    secrets = (*said, *_own(device), *_private(language.options))
    return Recorded(Fixture(head, _plug(device), tuple(way.kept)), secrets, profile)


def _listed(device: Device, recorder: Recorder, means: Means) -> Recorded:
    """List a card's files; the small ones by which it tells of itself are read."""
    profile = getattr(recorder, "profile", PLAIN)
    identity = recorder.identify()
    markers = dict(_markers(profile))
    entries = tuple(
        entry(file, _held(recorder, file) if file.path.lower() in markers else None)
        for file in recorder.list_files().files
    )
    head = Head(VERSION, means.origin, profile.name, program=means.program)
    secrets = (*_said(identity), *_own(device))
    return Recorded(Fixture(head, _plug(device), (), entries), secrets, profile)


def _added(new: Fixture, file: Path) -> Fixture:
    """Return what a file has already and what is new: a dialogue and then a card, or either.

    Raises:
        FixtureTakenError: it has that part, or hides more or less.
        SettingsError: it is malformed.
    """
    if not file.exists():
        return new
    old = parse(file.read_text(encoding="utf-8"), str(file))
    if _taken(old, new):
        raise FixtureTakenError(file=file, reason=_taken(old, new))
    return replace(old, entries=new.entries)


def _taken(old: Fixture, new: Fixture) -> str:
    """Return why what is new cannot be added to what a file has; empty where it can."""
    if old.entries:
        return "已有一张存储卡 / it has a card already"
    if not old.exchanges or not new.entries:
        return "只能给问答补上存储卡 / only a card can be added, and only to a dialogue"
    if (old.head.hidden is None) != (new.head.hidden is None):
        return "一份隐去编号, 一份没有 / one hides numbers, the other does not (--no-scrub)"
    return ""


def _remarks(recorded: Recorded, fixture: Fixture) -> Iterator[str]:
    """Yield what the person should know before mailing it."""
    yield f"型号 / profile: {fixture.head.profile}"
    yield f"问答 / exchanges: {len(fixture.exchanges)}, 文件 / files: {len(fixture.entries)}"
    if fixture.head.hidden is None:
        yield "! 未隐去任何内容 / nothing was hidden (--no-scrub)"
    else:
        what = "编号, 序列号, 卷标, 口令, 地址 / numbers, serials, labels, passwords, addresses"
        yield f"已隐去 / hidden: {fixture.head.hidden} ({what}; 文件名 / names)"
    yield "保留 / kept: 时间, 大小, 名中字母, 时钟, 电量 / times, sizes, letters, clock, battery"
    if fixture.head.hidden is not None:
        for one in remaining(fixture, recorded.secrets):
            what = f"'{one.said}' ({_where(one)})"
            yield f"! 太短或为出厂值, 未隐去 / still there, short or a factory value: {what}"
        yield from _kept_of_paths(recorded.fixture, fixture)
    if not _reads(fixture):
        yield "! 隐去后校验不符, 读不出 / cannot be read any more: a checksum?"
    yield "邮寄前请自己读一遍 / read the file yourself before you mail it"


def _where(one: Remaining) -> str:
    """Return the first lines in which something stands."""
    first = ", ".join(f"{number} ({kind})" for number, kind in one.lines[:_LISTED])
    more = f", … +{len(one.lines) - _LISTED}" if len(one.lines) > _LISTED else ""
    return f"行 / line {first}{more}" if one.lines else "分在几行 / across lines"


def _kept_of_paths(before: Fixture, after: Fixture) -> Iterator[str]:
    words = kept_words(before.entries, after.entries)
    if words:
        more = f", … +{len(words) - _WORDS}" if len(words) > _WORDS else ""
        yield f"路径中保留的 / kept of paths: {', '.join(words[:_WORDS])}{more}"
        yield "  有人名、警号、地点的不要寄出 / do not mail it where one is a person or a place"


def _reads(fixture: Fixture) -> bool:
    """Tell whether the recorder's number can be read from the file where it was recorded."""
    if not fixture.exchanges:
        return True
    if fixture.head.family == PTP:
        return bool(fixture.entries)
    family = FAMILIES[fixture.head.family](fixture.head.options)
    try:
        converse(family.identity(), Replay(fixture.exchanges))
    except NoAnswerError:
        return any(one.fact == "identity" and one.answer is None for one in fixture.exchanges)
    return True


def _turn(way: Recording, fact: str) -> None:
    way.fact = fact


def _plug(device: Device) -> Plug:
    return Plug(
        device.kind, device.description, device.serial, device.vendor_id, device.model_id,
        device.classes, device.inquiry, device.label, device.file_system, bool(device.lines),
    )  # fmt: skip


def _own(device: Device) -> tuple[str, ...]:
    marks = (device.serial, device.label, *(one.uuid for one in device.volumes), device.volume)
    return tuple(mark for mark in marks if mark)


def _said(identity: Identity) -> tuple[str, ...]:
    marks = (identity.device_number, identity.serial, identity.volume)
    return tuple(mark for mark in marks if mark)


def _private(options: object) -> Iterator[str]:
    """Yield the passwords and addresses in a language's options."""
    for key, value in options.items() if isinstance(options, dict) else ():
        if key in {"password", "host"}:
            yield str(value)
        yield from _private(value)


def _markers(profile: Profile) -> Iterator[tuple[bytes, str]]:
    """Yield the files by which a card tells of its recorder, and the key that is kept."""
    for mark in profile.card.identity:
        yield mark.file.lower().encode(), ""
    if profile.card.battery:
        file, key = profile.card.battery
        yield file.lower().encode(), key


def _held(recorder: Recorder, file: CardFile) -> bytes | None:
    if file.size > MARKER_BYTES:
        return None
    opened = recorder.open_file(file)
    buffer = bytearray(file.size)
    try:
        done = 0
        while done < file.size:
            count = opened.readinto(memoryview(buffer)[done:])
            if not count:
                break
            done += count
    finally:
        opened.close()
    return bytes(buffer[:done])
