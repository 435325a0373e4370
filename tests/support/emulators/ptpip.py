"""Carries an emulated PTP recorder over TCP (PTP/IP, CIPA DC-005), for initiators not ours."""

import socket
import struct
import threading

from .ptp import SET_PROP_VALUE, Recorder, Whole

_COMMAND_ACK, _EVENT_ACK, _REQUEST, _RESPONSE, _START, _DATA, _END = 2, 4, 6, 7, 9, 10, 12
_INIT_EVENT = 3


class Server:
    """Listens on a port of its own; each connection is served by a thread until it closes."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._links: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        """End every connection and thread."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        for link in self._links:
            link.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()
        for link in (*self._links, self._listener):
            link.close()

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            self._links.append(link)
            self._threads.append(threading.Thread(target=self._serve, args=(link,)))
            self._threads[-1].start()

    def _serve(self, link: socket.socket) -> None:
        with link.makefile("rb") as stream:
            kind, _ = _packet(stream)
            if kind == _INIT_EVENT:
                _send(link, _EVENT_ACK)
                stream.read()
                return
            name = "emulated\0".encode("utf-16-le")
            _send(link, _COMMAND_ACK, struct.pack("<I", 1) + bytes(16) + name + b"\0\0\1\0")
            while (packet := _packet(stream))[0]:
                self._answer(link, stream, packet[1])

    def _answer(self, link: socket.socket, stream, packet: bytes) -> None:
        _, code, number = struct.unpack("<IHI", packet[:10])
        params = struct.unpack(f"<{(len(packet) - 10) // 4}I", packet[10:])
        payload = b""
        if code == SET_PROP_VALUE:
            while (kind := (part := _packet(stream))[0]) != _END:
                payload += part[1][4:] if kind == _DATA else b""
            payload += part[1][4:]
        data, response, answered = self._recorder.perform(code, params, payload)
        if isinstance(data, Whole):
            data = data.read(0, data.size)
        if data is not None:
            _send(link, _START, struct.pack("<IQ", number, len(data)))
            _send(link, _END, struct.pack("<I", number) + data)
        answer = struct.pack(f"<HI{len(answered)}I", response, number, *answered)
        _send(link, _RESPONSE, answer)


def _packet(stream) -> tuple[int, bytes]:
    head = stream.read(8)
    if len(head) < 8:
        return 0, b""
    size, kind = struct.unpack("<II", head)
    return kind, stream.read(size - 8)


def _send(link: socket.socket, kind: int, body: bytes = b"") -> None:
    link.sendall(struct.pack("<II", 8 + len(body), kind) + body)
