"""The driver for recorders that are asked in their own language before they are disks.

It holds the dialogues of `agent.families` over the transports of `agent.transports`, both of which
it is given; each has a limit in seconds, so that no recorder keeps its dock waiting.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from agent.core.clock import clock_reading, next_second, take_samples
from agent.core.device import languages
from agent.core.dialogue import Dialogue, Request, Say, Transport, Tune, converse
from agent.core.family import Family, Guarded, Login, Told
from agent.core.profile import Language, Profile
from agent.core.recorder import Device, Spoken
from contracts.errors import (
    NoAnswerError,
    RecorderGoneError,
    RecorderSilentError,
    TransportError,
)
from contracts.finding import Finding
from contracts.reading import Identity, Reading, ReadingKind

T = TypeVar("T")
FACT_SECONDS = 20.0  # for one fact, all its requests together
_APART = frozenset({"tcp", "adb"})  # lines of their own: that one is away tells nothing of the plug
_LOGINS: dict[Login, tuple[Finding, ...]] = {
    "default": (Finding("default_password", "warning"),),
    "refused": (Finding("password_refused", "warning"),),
}
_log = logging.getLogger(__name__)

Open = Callable[[Device, Mapping[str, object]], Transport]
MakeFamily = Callable[[Mapping[str, object]], Family]


@dataclass(frozen=True, slots=True)
class Time:
    """The station's clock, its zone, a clock that only runs forward, and how to wait."""

    now: Callable[[], datetime]
    zone: ZoneInfo
    seconds: Callable[[], float]
    wait: Callable[[float], object]


@dataclass(frozen=True, slots=True)
class Ways:
    """How families are made and transports opened, each by its name in a profile."""

    families: Mapping[str, MakeFamily]
    transports: Mapping[str, Open]


class Commanded:
    """Recorders whose profile says how they are spoken with."""

    def __init__(self, profiles: Sequence[Profile], ways: Ways, time: Time) -> None:
        self._profiles = profiles
        self._ways = ways
        self._time = time

    def speak(self, device: Device) -> Spoken:
        """Try the languages of a device's profiles in order; the first that is answered is its.

        Raises:
            RecorderGoneError: it was pulled out.
            RecorderSilentError: it answers in none, and shows no disk either.
        """
        unanswered: list[str] = []
        has_driver = device.kind == "block"
        for profile in languages(device, self._profiles):
            if profile.language is None or profile.language.family not in self._ways.families:
                has_driver = True  # of its own
                continue
            conversation = self._begun(device, profile, profile.language)
            if conversation is not None:
                return Spoken(conversation, profile.name)
            unanswered.append(profile.name)
        if unanswered and not has_driver:
            raise RecorderSilentError(device=device.description, tried=", ".join(unanswered))
        return Spoken(unanswered=tuple(unanswered))

    def _begun(
        self, device: Device, profile: Profile, language: Language
    ) -> "InCommandMode | None":
        """Begin a conversation in one language; None where it is not answered with sense."""
        try:
            return self._opened(device, language)
        except (NoAnswerError, RecorderGoneError, TransportError) as error:
            if isinstance(error, RecorderGoneError) and language.transport not in _APART:
                raise
            _log.info("%s: %s: %s", device.port, profile.name, error.text.en)
            return None

    def _opened(self, device: Device, language: Language) -> "InCommandMode | None":
        family = self._ways.families[language.family](language.options)
        opens = self._ways.transports.get(language.transport)
        if opens is None:
            raise TransportError(node=language.transport, reason="not on this station")
        transport = opens(device, language.options)
        limited = _Limited(transport, self._time.seconds, language.probe_seconds)
        begun = None
        try:
            if converse(family.probe(), limited):
                begun = InCommandMode(device, language, family, transport, self._time)
        finally:
            if begun is None:
                transport.close()
        return begun


class InCommandMode:
    """One recorder that answers in its language."""

    def __init__(
        self,
        device: Device,
        language: Language,
        family: Family,
        transport: Transport,
        time: Time,
    ) -> None:
        self._device = device
        self._language = language
        self._family = family
        self._transport = transport
        self._time = time
        self._login = self._shown_password()

    @property
    def switch_seconds(self) -> float:
        """How long the profile says it may be away."""
        return self._language.switch_seconds

    def identify(self) -> Identity:
        """Return what it says of itself, beside the serial number of its plug."""
        said = self._told(self._family.identity()) or Identity()
        serial = self._device.serial or said.serial
        how = (said.how, self._device.serial and "USB")
        return Identity(
            device_number=said.device_number,
            serial=serial,
            volume=said.volume,
            model=said.model or self._device.description,
            how=", ".join(mark for mark in how if mark),
        )

    def readings(self, now: datetime) -> tuple[Reading, ...]:
        """Return battery, clock and storage as far as it tells them."""
        free, total = self._told(self._family.storage()) or (None, None)
        return (
            _reading("battery_percent", self._told(self._family.battery()), now),
            self._clock_reading(),
            _reading("free_bytes", free, now),
            _reading("total_bytes", total, now),
        )

    def remarks(self) -> tuple[Finding, ...]:
        """Return what came of showing its password."""
        return _LOGINS.get(self._login, ())

    def set_clock(self, now: datetime) -> bool:
        """Set its clock at the turn of a second; False when it cannot, or does not say so."""
        moment, left_seconds = next_second(self._time.now())
        self._time.wait(left_seconds)
        return bool(self._told(self._family.set_clock(moment.astimezone(self._time.zone))))

    def switch(self) -> None:
        """Tell it to show its card as a disk.

        Raises:
            SwitchRefusedError: it says that it does not.
        """
        try:
            is_told = self._told(self._family.switch())
        except RecorderGoneError:
            is_told = True  # it did not wait to answer
        if not is_told:
            _log.info("%s: its own key may still make it a disk", self._device.port)

    def release(self) -> None:
        """Close the way to it; may be called twice."""
        self._transport.close()

    def _shown_password(self) -> Login:
        if not isinstance(self._family, Guarded):
            return "none"
        return self._told(self._family.log_in()) or "none"

    def _clock_reading(self) -> Reading:
        how = ""

        def tell() -> datetime | None:
            nonlocal how
            told = self._told(self._family.clock())
            how = told.how if told else how
            return told.value if told else None

        samples = take_samples(tell, self._time.now, self._time.wait)
        return clock_reading(samples, self._time.zone, how, self._time.now())

    def _told(self, dialogue: Dialogue[T]) -> T | None:
        """Hold a dialogue; None where it is not answered in time, or not with sense."""
        limited = _Limited(self._transport, self._time.seconds, FACT_SECONDS)
        try:
            return converse(dialogue, limited)
        except NoAnswerError as error:
            _log.info("%s: %s", self._device.port, error.text.en)
            return None


class _Limited:
    """A transport that answers nothing any more after so many seconds."""

    def __init__(self, transport: Transport, clock: Callable[[], float], seconds: float) -> None:
        self._transport = transport
        self._clock = clock
        self._until = clock() + seconds

    def ask(self, request: Request) -> bytes:
        """Carry a request out in what time is left."""
        left = self._until - self._clock()
        if left <= 0:
            raise NoAnswerError(request=type(request).__name__, reason="time is up")
        if not isinstance(request, Say | Tune):
            request = replace(request, seconds=min(request.seconds, left))
        return self._transport.ask(request)

    def close(self) -> None:
        """Do nothing: whoever opened the transport closes it."""


def _reading(kind: ReadingKind, told: Told[int] | None, now: datetime) -> Reading:
    if told is None:
        return Reading(kind, None, "", now, "unknown")
    return Reading(kind, told.value, told.how, now, told.confidence, told.uncertainty)
