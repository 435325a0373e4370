"""An adb server with devices: requests of clients in, answers out. Standard library only."""


class AdbServer:
    """What a server knows: `devices` by serial, each a dict of port to a thing with `line`.

    `states` are devices that may not be spoken with ("unauthorized", "offline"). `shelled` are the
    shell commands it was given; `opens` are (serial, port, thing) that a broadcast opens.
    """

    def __init__(self, devices=None, states=None):
        self.devices = devices or {}
        self.states = states or {}
        self.opens = {}
        self.shelled = []

    def connection(self):
        """Return a new client's connection."""
        return Connection(self)


class Connection:
    """One client: `line` takes what it says; `is_over` once the server hangs up."""

    def __init__(self, server):
        self._server = server
        self._heard = b""
        self._serial = None
        self._thing = None
        self.is_over = False

    def line(self, said):
        """Answer, or pass on to the port that was opened."""
        if self._thing is not None:
            return self._thing.line(said)
        self._heard += said
        answers = b""
        while len(self._heard) >= 4 and not self.is_over and self._thing is None:
            size = int(self._heard[:4], 16)
            if len(self._heard) < 4 + size:
                break
            text, self._heard = self._heard[4 : 4 + size].decode(), self._heard[4 + size :]
            answers += self._answered(text)
        return answers

    def _answered(self, text):
        if text.startswith("host:transport:"):
            return self._bound(text.removeprefix("host:transport:"))
        if self._serial is None:
            return self._failed("no device")
        if text.startswith("shell:"):
            return self._shelled(text.removeprefix("shell:"))
        self._thing = self._server.devices[self._serial].get(int(text.removeprefix("tcp:")))
        return self._failed("Connection refused") if self._thing is None else b"OKAY"

    def _bound(self, serial):
        if serial in self._server.states:
            return self._failed(f"device {self._server.states[serial]}.")
        if serial not in self._server.devices:
            return self._failed(f"device '{serial}' not found")
        self._serial = serial
        return b"OKAY"

    def _shelled(self, command):
        self._server.shelled.append(command)
        port = int(command.rpartition(" ")[2])
        thing = self._server.opens.get(self._serial)
        if thing is not None:
            self._server.devices[self._serial][port] = thing
        self.is_over = True
        return b"OKAYBroadcast completed: result=0\n"

    def _failed(self, why):
        self.is_over = True
        return b"FAIL" + f"{len(why):04x}{why}".encode()
