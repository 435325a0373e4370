"""The way to the broker: one MQTT 5 connection that is always being made again.

It keeps nothing and believes no PUBACK (faults E1-E5): the ledger is the queue, and what the index
has is known only from its own word. Callbacks do nothing but hand over.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode
from tenacity import Retrying
from tenacity.nap import sleep_using_event
from tenacity.retry import retry_if_exception_type
from tenacity.stop import stop_when_event_set
from tenacity.wait import wait_exponential, wait_random

from contracts.errors import SettingsError
from contracts.settings import BrokerSettings

KEEPALIVE_SECONDS = 20
_LOST_PAUSE_SECONDS = 0.2
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker took us."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection to the broker ended, or could not be made."""

    reason: str


@dataclass(frozen=True, slots=True)
class Received:
    """A message came in."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """The broker refused a message of ours: its rules do not let us say this."""

    reason: str


UplinkEvent = Connected | Lost | Received | Refused


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for us when we are gone without a word."""

    topic: str
    payload: bytes


class Uplink:
    """One connection under one client id."""

    def __init__(
        self,
        broker: BrokerSettings,
        client_id: str,
        will: Will,
        topics: tuple[str, ...],
        deliver: Callable[[UplinkEvent], None],
    ) -> None:
        self._broker = broker
        self._topics = topics
        self._deliver = deliver
        self._stopping = threading.Event()
        self._welcomed = False
        self._client = _client(broker, client_id, will)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send a message if connected; one that is lost is sent again by whoever needs it there."""
        if self._client.is_connected():
            self._client.publish(topic, payload, qos=1, retain=retain)

    def stop(self, seconds: float) -> bool:
        """Say good-bye and end the thread; tell whether it ended."""
        self._stopping.set()
        self._client.disconnect()
        if self._thread.ident is not None:
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._retrying()(self._session)
            except OSError as error:
                log.info("uplink stopped: %s", error)
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
        self._welcomed = False
        try:
            self._client.connect(self._broker.host, self._broker.port, KEEPALIVE_SECONDS)
        except OSError as error:
            self._deliver(Lost(str(error)))
            raise
        self._client.loop_forever()
        if not self._welcomed:
            raise ConnectionRefusedError("the broker did not take us")

    def _on_connect(
        self, client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _p: object
    ) -> None:
        if reason.is_failure:
            self._deliver(Lost(str(reason)))
            client.disconnect()
            return
        self._welcomed = True
        client.subscribe([(topic, 1) for topic in self._topics])
        self._deliver(Connected())

    def _on_disconnect(
        self, _c: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _p: object
    ) -> None:
        self._deliver(Lost(str(reason)))

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        self._deliver(Received(message.topic, bytes(message.payload)))

    def _on_publish(
        self, _c: mqtt.Client, _data: object, _mid: int, reason: ReasonCode, _p: object
    ) -> None:
        if reason.is_failure:
            self._deliver(Refused(str(reason)))


def _client(broker: BrokerSettings, client_id: str, will: Will) -> mqtt.Client:
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=mqtt.MQTTv5,
        reconnect_on_failure=False,
    )
    client.will_set(will.topic, will.payload, qos=1, retain=True)
    try:
        _introduce(client, broker)
    except (OSError, ValueError) as error:
        raise SettingsError(file="[broker]", problems=(str(error),)) from error
    return client


def _introduce(client: mqtt.Client, broker: BrokerSettings) -> None:
    """Tell the client by which certificates and which password it is known."""
    if broker.ca_file is not None:
        client.tls_set(
            ca_certs=str(broker.ca_file),
            certfile=str(broker.certificate_file) if broker.certificate_file else None,
            keyfile=str(broker.key_file) if broker.key_file else None,
        )
    if broker.username:
        password = None
        if broker.password_file is not None:
            with open(broker.password_file, encoding="utf-8") as file:  # noqa: PTH123  # PurePath
                password = file.read().strip()
        client.username_pw_set(broker.username, password)
