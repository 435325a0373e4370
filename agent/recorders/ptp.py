"""The driver for recorders that show themselves as a camera or player (PTP, MTP).

What they are asked is in `agent.families.ptp`; here it is asked over USB, and made into files.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

from agent.core.clock import clock_reading, next_second, take_samples
from agent.core.dialogue import Dialogue, Transport, converse
from agent.core.marks import marked
from agent.core.profile import Profile, candidates
from agent.core.recorder import CardFile, Device, Listing, OpenFile
from agent.families.ptp import BATTERY, CLOCK, PART_BYTES, PictureTransfer
from agent.families.ptp_packets import BAD_OBJECT, OK, ObjectInfo, said
from agent.families.ptp_tree import card_file, list_objects
from contracts.errors import (
    ClearingError,
    FileChangedError,
    FileUnreadableError,
    FileVanishedError,
    NoAnswerError,
    NoDriverError,
    RecorderError,
)
from contracts.names import shown
from contracts.reading import Identity, Reading

T = TypeVar("T")
Open = Callable[[Device, Mapping[str, object]], Transport]
TRIES = 2  # of what is not answered, each in a session of its own
LOSSES = 3  # of the session over one file; then the rest of it counts as unreadable
PIECE_BYTES = 4096
_HOUR_MS, _NEAR_MS = 3_600_000, 120_000
_STORAGE = "PTP StorageInfo"


@dataclass(frozen=True, slots=True)
class Moments:
    """The station's clock and zone, and a way to wait for so many seconds."""

    now: Callable[[], datetime]
    wait: Callable[[float], object]
    zone: ZoneInfo


class Ptp:
    """Any recorder that a profile says speaks PTP; `open_usb` opens its plug."""

    name = "ptp"

    def __init__(self, profiles: Sequence[Profile], open_usb: Open, moments: Moments) -> None:
        self._profiles = profiles
        self._open_usb = open_usb
        self._moments = moments

    def recognise(self, device: Device) -> bool:
        """Tell whether it is a plug without a disk that a profile says speaks PTP."""
        return device.usb is not None and not device.volumes and self._profile(device) is not None

    def attach(self, device: Device) -> "PtpRecorder":
        """Open a session.

        Raises:
            NoDriverError: it is not what was recognised.
            NoAnswerError: it does not answer as PTP says.
            RecorderGoneError: it was pulled out.
            TransportError: another program has it.
        """
        profile = self._profile(device)
        if profile is None or profile.language is None:
            raise NoDriverError(device=device.description)
        language = PictureTransfer(profile.language.options)
        transport = self._open_usb(device, {})
        try:
            converse(language.begin(), transport)
        except RecorderError:
            transport.close()
            raise
        session = _Session(language, transport, self._moments.zone)
        return PtpRecorder(device, profile, session, self._moments)

    def _profile(self, device: Device) -> Profile | None:
        fitting = candidates(device, self._profiles)
        speaking = (p for p in fitting if p.language and p.language.transport == "ptp")
        return next(speaking, None)


class _Session:
    """A recorder's session, begun anew when it is out of step, and what it lists."""

    def __init__(self, language: PictureTransfer, transport: Transport, zone: ZoneInfo) -> None:
        self.language = language
        self._transport = transport
        self._zone = zone
        self._objects: Mapping[bytes, tuple[int, ObjectInfo]] | None = None
        self.number = 0  # of sessions before this one
        self.streaming: object = None  # whose bytes come next, where a file comes only whole

    def ask(self, dialogue: Dialogue[T]) -> T:
        """Hold a dialogue in a session that is in step."""
        self.keep_step()
        return converse(dialogue, self._transport)

    def perhaps(self, dialogue: Dialogue[T]) -> T | None:
        """Hold a dialogue; None where nothing is answered though the recorder is there."""
        self.keep_step()
        try:
            return converse(dialogue, self._transport)
        except NoAnswerError:
            return None

    def keep_step(self) -> None:
        """Begin anew where what comes could be the answer to something before."""
        if not self.language.is_in_step:
            self.begin()

    def begin(self) -> None:
        """Begin a session; the handles of the one before count no more."""
        self._objects = self.streaming = None
        self.number += 1
        converse(self.language.begin(), self._transport)

    def list_files(self) -> Listing:
        """List every file, in one session."""
        for _ in range(TRIES - 1):
            with suppress(NoAnswerError):
                return self._list()
        return self._list()

    def look(self, path: bytes) -> tuple[int, ObjectInfo] | None:
        """Return what a listed object is now; None when it is there no more, or is another one."""
        if self._objects is None or not self.language.is_in_step:
            self.list_files()
        handle, listed = (self._objects or {}).get(path, (0, None))
        if listed is None:
            return None
        now = self.ask(self.language.object_info(handle))
        if now is None or replace(now, size=listed.size, modified=listed.modified) != listed:
            return None
        return handle, now

    def file(self, path: bytes, info: ObjectInfo) -> CardFile:
        """Return an object as a file of the card."""
        return card_file(path, info, self._zone)

    def close(self) -> None:
        """End the session if the recorder still listens; may be called twice."""
        with suppress(RecorderError):
            converse(self.language.end(), self._transport)
        self._transport.close()

    def _list(self) -> Listing:
        self.keep_step()
        found = converse(list_objects(self.language, self._zone), self._transport)
        self._objects = found.objects
        return found.listing


class PtpRecorder:
    """One recorder in a session."""

    def __init__(
        self, device: Device, profile: Profile, session: _Session, moments: Moments
    ) -> None:
        self._device = device
        self._profile = profile
        self._session = session
        self._language = session.language
        self._moments = moments

    @property
    def profile_name(self) -> str:
        """The profile that says it speaks PTP."""
        return self._profile.name

    def identify(self) -> Identity:
        """Return what the plug and the recorder's DeviceInfo say."""
        told = self._session.ask(self._language.identity())
        serial = self._device.serial
        number = told.device_number if told.device_number != serial else None
        how = ", ".join(filter(None, (told.how, serial and "USB")))
        model = told.model or self._device.description
        return Identity(device_number=number, serial=serial, model=model, how=how)

    def readings(self, now: datetime) -> tuple[Reading, ...]:
        """Ask for battery, clock and storage; what is not answered is unknown."""
        battery = self._session.perhaps(self._language.battery())
        charge = (
            Reading("battery_percent", None, BATTERY, now, "unknown")
            if battery is None
            else Reading("battery_percent", battery.value, BATTERY, now, "reported")
        )
        room = self._session.perhaps(self._language.storage())
        return (
            charge,
            self._clock(now),
            _bytes_reading("free_bytes", room and room[0].value, now),
            _bytes_reading("total_bytes", room and room[1].value, now),
        )

    def list_files(self) -> Listing:
        """List every file of every store.

        Raises:
            NoAnswerError: the recorder does not list, however often it is asked.
        """
        listing = self._session.list_files()
        stores = {file.path.partition(b"/")[0].decode() + "/" for file in listing.files}
        return marked(listing, self._profile.card, sorted(stores))

    def open_file(self, file: CardFile) -> OpenFile:
        """Open a listed file for reading.

        Raises:
            FileChangedError: it is not what was listed, or there no more.
            FileUnreadableError: the recorder does not say what it is.
        """
        opened = _PtpFile(self._session, file)
        opened.find()
        return opened

    def expect(self, files: Sequence[CardFile]) -> None:
        """Do nothing: a recorder does one thing at a time."""

    def look_again(self, file: CardFile) -> CardFile | None:
        """Return what a listed file is now.

        Raises:
            FileUnreadableError: the recorder does not say.
        """
        try:
            found = self._session.look(file.path)
        except NoAnswerError as error:
            raise _unreadable(file, 0, error) from error
        return None if found is None else self._session.file(file.path, found[1])

    def set_clock(self, now: datetime) -> bool:
        """Set the clock at the turn of a second; False when the recorder refuses."""
        self._session.keep_step()
        whole, seconds = next_second(self._moments.now())
        self._moments.wait(seconds)
        local = whole.astimezone(self._moments.zone)
        return self._session.perhaps(self._language.set_clock(local)) or False

    @property
    def can_clear(self) -> bool:
        """Whether the profile and the recorder let its files be removed."""
        return self._profile.clearing and self._language.can_delete

    def take_afresh(self) -> None:
        """Begin a new session: nothing that was listed or read counts any more."""
        self._session.begin()

    def clear(self, files: Sequence[CardFile], go_on: Callable[[], None]) -> None:
        """Remove these files, each looked at just before, one object at a time.

        Raises:
            ClearingError: the recorder refuses.
            NoAnswerError: it does not answer.
        """
        if not self.can_clear:
            raise ClearingError(reason="PTP DeleteObject")
        for file in files:
            go_on()
            found = self._session.look(file.path)
            if found is None or self._session.file(file.path, found[1]) != file:
                continue  # listing the card again will tell
            response = self._session.ask(self._language.delete(found[0]))
            if response not in (OK, BAD_OBJECT):
                raise ClearingError(reason=said(response))

    def release(self) -> None:
        """Close the session and the plug; may be called twice."""
        self._session.close()

    def _clock(self, now: datetime) -> Reading:
        self._session.keep_step()
        moments = self._moments
        samples = take_samples(self._told_clock, moments.now, moments.wait)
        reading = clock_reading(samples, moments.zone, CLOCK, now)
        # Some makes show an hour more or less here than on the screen (libgphoto2 issue 684).
        if reading.value is not None and abs(abs(reading.value) - _HOUR_MS) <= _NEAR_MS:
            return replace(reading, confidence="estimated")
        return reading

    def _told_clock(self) -> datetime | None:
        told = self._session.ask(self._language.clock())
        return None if told is None else told.value


class _PtpFile:
    """One file of a recorder, read in parts, or whole from its start where parts are not given."""

    def __init__(self, session: _Session, file: CardFile) -> None:
        self._session = session
        self._file = file
        self._offset = 0
        self._streamed = 0  # how far the whole object was read
        self._careful_until = 0  # up to here small pieces are read, a larger one being refused
        self._losses = 0
        self._found: tuple[int, int] | None = None  # the session's number, the handle in it

    def find(self) -> int:
        """Return the object's handle in this session.

        Raises:
            FileVanishedError: it is there no more.
            FileChangedError: it is not what was listed.
            FileUnreadableError: the recorder does not say.
        """
        try:
            found = self._session.look(self._file.path)
        except NoAnswerError as error:
            raise _unreadable(self._file, self._offset, error) from error
        if found is None:
            raise FileVanishedError(name=shown(self._file.path))
        if self._session.file(self._file.path, found[1]) != self._file:
            raise FileChangedError(name=shown(self._file.path))
        return found[0]

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer from where the last call ended; return bytes read, 0 at the end.

        Raises:
            FileUnreadableError: the recorder does not give these bytes; says at which offset.
            FileChangedError: the file is not what it was when it was opened.
        """
        wanted = min(len(buffer), PART_BYTES, self._file.size - self._offset)
        if wanted > PIECE_BYTES and self._offset >= self._careful_until:
            try:
                return self._read(buffer, wanted)
            except FileUnreadableError:
                if self._losses:
                    raise
                self._careful_until = self._offset + wanted
        return self._read(buffer, min(wanted, PIECE_BYTES)) if wanted > 0 else 0

    def seek(self, offset: int) -> None:
        """Go on from this offset."""
        self._offset = offset

    def unchanged(self) -> bool:
        """Tell whether it still is what was listed."""
        try:
            self.find()
        except FileChangedError:
            return False
        return True

    def close(self) -> None:
        """Leave off; whatever is asked next ends what is under way."""

    def _read(self, buffer: memoryview, count: int) -> int:
        why = NoAnswerError(request="PTP", reason="the session was lost too often")
        for _ in range(TRIES):
            if self._losses == LOSSES:
                break
            try:
                given = self._given(count)
            except NoAnswerError as error:
                why = error
                self._losses += not self._session.language.is_in_step
            else:
                buffer[: len(given)] = given
                self._offset += len(given)
                return len(given)
        raise _unreadable(self._file, self._offset, why) from why

    def _given(self, count: int) -> bytes:
        language = self._session.language
        if not language.reads_parts(self._file.size):
            return self._from_whole(count)
        self._session.keep_step()
        if self._found is None or self._found[0] != self._session.number:
            self._found = self._session.number, self.find()
        answer = self._session.ask(language.part(self._found[1], self._offset, count))
        if not answer.is_ok:
            raise NoAnswerError(request="PTP GetPartialObject", reason=said(answer.response))
        return answer.data

    def _from_whole(self, count: int) -> bytes:
        """Read on to the offset, from the start where that is passed or others asked meanwhile."""
        session, language = self._session, self._session.language
        session.keep_step()
        if session.streaming is not self or self._streamed > self._offset:
            handle = self.find()
            response = session.ask(language.begin_whole(handle, self._file.size))
            if response != OK:
                raise NoAnswerError(request="PTP GetObject", reason=said(response))
            session.streaming, self._streamed = self, 0
        while behind := self._offset - self._streamed:
            self._streamed += len(self._more(min(behind, PART_BYTES)))
        given = self._more(count)
        self._streamed += len(given)
        return given

    def _more(self, count: int) -> bytes:
        given = self._session.ask(self._session.language.more(count))
        if not given:
            self._session.streaming = None
            raise NoAnswerError(request="PTP GetObject", reason="broken off")
        return given


def _unreadable(file: CardFile, offset: int, why: NoAnswerError) -> FileUnreadableError:
    return FileUnreadableError(name=shown(file.path), offset=offset, reason=str(why.text))


def _bytes_reading(
    kind: Literal["free_bytes", "total_bytes"], value: int | None, now: datetime
) -> Reading:
    return Reading(kind, value, _STORAGE, now, "unknown" if value is None else "reported")
