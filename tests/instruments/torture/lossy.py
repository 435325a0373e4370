"""A broker's liar: a TCP relay that now and then swallows a PUBLISH and acknowledges it itself.

To both sides such a message was delivered: what they must not rely on is exactly this.
"""

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

_PUBLISH = 3
_PUBACK = 0x40
_CONTINUES = 0x80


class Lossy:
    """Relays every connection to a broker; swallows that share of the QoS 1 messages."""

    def __init__(self, broker_port: int, share: float, seed: int) -> None:
        self.passed = 0
        self.swallowed = 0
        self._broker_port = broker_port
        self._share = share
        self._random = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def be_honest(self) -> None:
        """Swallow nothing from now on."""
        self._share = 0

    def close(self) -> None:
        """Take no more connections; those that are there end with their programs."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                broker = socket.create_connection(("127.0.0.1", self._broker_port), 5)
            except OSError:
                client.close()
                continue
            broker.settimeout(None)
            turns = {client: threading.Lock(), broker: threading.Lock()}
            for source, target in ((client, broker), (broker, client)):
                relay = threading.Thread(
                    target=self._relay, args=(source, target, turns), daemon=True
                )
                relay.start()

    def _relay(
        self,
        source: socket.socket,
        target: socket.socket,
        turns: dict[socket.socket, threading.Lock],
    ) -> None:
        with suppress(OSError):
            for packet in packets(source):
                answer = acknowledgement(packet)
                if answer and self._random.random() < self._share:
                    self.swallowed += 1
                    with turns[source]:
                        source.sendall(answer)
                    continue
                self.passed += answer is not None
                with turns[target]:
                    target.sendall(packet)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def packets(source: socket.socket) -> Iterator[bytes]:
    """Yield one MQTT control packet after the other (MQTT 5.0, 2.1) until the connection ends."""
    stream = source.makefile("rb")
    while head := stream.read(1):
        length, shift = 0, 0
        while True:
            byte = stream.read(1)
            if not byte:
                return
            head += byte
            length |= (byte[0] & ~_CONTINUES) << shift
            shift += 7
            if not byte[0] & _CONTINUES:
                break
        body = stream.read(length)
        if len(body) < length:
            return
        yield head + body


def acknowledgement(packet: bytes) -> bytes | None:
    """Return the PUBACK of a QoS 1 PUBLISH (MQTT 5.0, 3.3 and 3.4), or None for all else."""
    if packet[0] >> 4 != _PUBLISH or packet[0] >> 1 & 3 != 1:
        return None
    at = 1
    while packet[at] & _CONTINUES:
        at += 1
    topic = int.from_bytes(packet[at + 1 : at + 3], "big")
    identifier = packet[at + 3 + topic : at + 5 + topic]
    return bytes((_PUBACK, 2)) + identifier
