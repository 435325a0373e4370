"""The way to the broker: one MQTT 5 connection that is always being made again.

It keeps nothing and believes no PUBACK (faults E1-E5): the ledger is the queue, and what the index
has is known only from its own word. Callbacks do nothing but hand over. Every connection is a
client of its own: none says again what another left unsaid, and renewed certificates are read.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, LogLevel
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from tenacity import Retrying
from tenacity.nap import sleep_using_event
from tenacity.retry import retry_if_exception_type
from tenacity.stop import stop_when_event_set
from tenacity.wait import wait_exponential, wait_random

from contracts.errors import SettingsError
from contracts.messages import Message
from contracts.settings import BrokerSettings

KEEPALIVE_SECONDS = 20
# The broker does not pass on to us what is larger than anything we are to be told.
MAX_PACKET_BYTES = 192 * 1024
MAX_UNDER_WAY = 200
_LOST_PAUSE_SECONDS = 0.2
_UNWELCOME = "the broker does not let us in: check our certificate or password"
# A broker that takes us and drops us at once is given more and more time, as one that is away.
_STEADY_SECONDS = 2.0
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker took us."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection to the broker ended, or could not be made."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The broker's rules do not let us say, or hear, what we must."""

    reason: str


BrokerEvent = Connected | Lost | Refused | Message


def check_files(settings: BrokerSettings) -> None:
    """Make sure that every file the settings name can be read.

    Raises:
        SettingsError: naming each that cannot.
    """
    problems = []
    for key in ("ca_file", "certificate_file", "key_file", "password_file"):
        path = getattr(settings, key)
        try:
            if path is not None:
                open(path, "rb").close()  # noqa: PTH123  # PurePath
        except OSError as error:
            problems.append(f"broker.{key}: {path}: {error.strerror}")
    if problems:
        raise SettingsError(file="[broker]", problems=tuple(problems))


class Broker:
    """One connection under one client id, kept up by a thread of its own."""

    def __init__(
        self,
        settings: BrokerSettings,
        client_id: str,
        will: Message,
        topics: tuple[str, ...],
        deliver: Callable[[BrokerEvent], None],
    ) -> None:
        self._settings = settings
        self._topics = topics
        self._deliver = deliver
        self._stopping = threading.Event()
        self._closing = threading.Lock()  # nobody may send while the sockets are closed
        self._welcomed_at: float | None = None
        self._complaint = ""
        self._client_id, self._will = client_id, will
        try:
            self._client = self._new_client()
        except (OSError, ValueError) as error:
            raise SettingsError(file="[broker]", problems=(str(error),)) from error
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def publish(self, message: Message) -> None:
        """Send a message if connected; one that is lost is sent again by whoever needs it there."""
        self._publish(message)

    def stop(self, last: Message, seconds: float) -> bool:
        """Say a last word and good-bye, and end the thread; tell whether it ended."""
        if (sent := self._publish(last)) is not None:
            # The broker may be lost at this very moment: then its will speaks for us.
            with suppress(RuntimeError):
                sent.wait_for_publish(seconds)
        self._stopping.set()
        self._client.disconnect()
        if self._thread.ident is not None:
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def _publish(self, message: Message) -> mqtt.MQTTMessageInfo | None:
        with self._closing:
            if not self._client.is_connected():
                return None
            return self._client.publish(
                message.topic, message.payload, qos=1, retain=message.retained
            )

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._retrying()(self._session)
            except OSError as error:
                log.info("stopped while connecting: %s", error)
            self._stopping.wait(_LOST_PAUSE_SECONDS)

    def _retrying(self) -> Retrying:
        return Retrying(
            wait=wait_exponential(multiplier=0.2, max=30) + wait_random(0, 0.2),
            retry=retry_if_exception_type(OSError),
            stop=stop_when_event_set(self._stopping),
            sleep=sleep_using_event(self._stopping),
            reraise=True,
        )

    def _session(self) -> None:
        """Connect and stay; fails with OSError if the broker did not take and keep us."""
        self._welcomed_at, self._complaint = None, ""
        try:
            self._client = self._new_client()
            host, port = self._settings.host, self._settings.port
            self._client.connect(host, port, KEEPALIVE_SECONDS, properties=_limits())
        except OSError as error:
            self._lose(str(error))
            raise
        self._stay()
        if not self._stopping.is_set() and not self._was_steady():
            raise ConnectionAbortedError("the broker did not keep us")

    def _stay(self) -> None:
        """Wait for the end of the connection."""
        if self._stopping.is_set():
            self._client.disconnect()
            return
        # Only paho's own thread may use the socket: else whoever publishes writes to it while the
        # other reads, which OpenSSL forbids on one TLS connection.
        self._client.loop_start()
        thread = self._client._thread  # noqa: SLF001  # None when it has ended already
        if thread is not None:
            thread.join()
        with self._closing:
            self._client.reinitialise()  # paho's way to close all its sockets; not used again

    def _was_steady(self) -> bool:
        since = self._welcomed_at
        return since is not None and time.monotonic() - since >= _STEADY_SECONDS

    def _lose(self, reason: str) -> None:
        text = f"{reason} ({self._complaint})" if self._complaint else reason
        if not self._stopping.is_set():
            log.warning("no connection to the broker: %s", text)
        self._deliver(Lost(text))

    def _new_client(self) -> mqtt.Client:
        client = _client(self._settings, self._client_id, self._will)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_log = self._on_log
        return client

    def _on_connect(
        self, client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _p: object
    ) -> None:
        if reason.is_failure:
            self._complaint = str(reason)
            client.disconnect()
            return
        self._welcomed_at = time.monotonic()
        # Connected is told before the retained messages that the subscription brings.
        self._deliver(Connected())
        client.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(
        self, _c: mqtt.Client, _data: object, _mid: int, reasons: list[ReasonCode], _p: object
    ) -> None:
        for reason in reasons:
            if reason.is_failure:
                self._deliver(Refused(f"subscribe: {reason}"))

    def _on_disconnect(
        self, _c: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _p: object
    ) -> None:
        self._lose(str(reason) if self._welcomed_at is not None else _UNWELCOME)

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        self._deliver(Message(message.topic, bytes(message.payload), message.retain))

    def _on_publish(
        self, _c: mqtt.Client, _data: object, _mid: int, reason: ReasonCode, _p: object
    ) -> None:
        if reason.is_failure:
            self._deliver(Refused(f"publish: {reason}"))

    def _on_log(self, _client: mqtt.Client, _data: object, level: int, text: str) -> None:
        if level == LogLevel.MQTT_LOG_ERR:
            self._complaint = text


def _client(settings: BrokerSettings, client_id: str, will: Message) -> mqtt.Client:
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=mqtt.MQTTv5,
        reconnect_on_failure=False,
    )
    client.max_inflight_messages_set(MAX_UNDER_WAY)
    client.will_set(will.topic, will.payload, qos=1, retain=True)
    _introduce(client, settings)
    return client


def _limits() -> Properties:
    limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    limits.MaximumPacketSize = MAX_PACKET_BYTES
    limits.ReceiveMaximum = MAX_UNDER_WAY
    return limits


def _introduce(client: mqtt.Client, settings: BrokerSettings) -> None:
    """Tell the client by which certificates and which password it is known."""
    if settings.ca_file is not None:
        client.tls_set(
            ca_certs=str(settings.ca_file),
            certfile=str(settings.certificate_file) if settings.certificate_file else None,
            keyfile=str(settings.key_file) if settings.key_file else None,
        )
    if settings.username:
        password = None
        if settings.password_file is not None:
            with open(settings.password_file, encoding="utf-8") as file:  # noqa: PTH123  # PurePath
                password = file.read().strip()
        client.username_pw_set(settings.username, password)
