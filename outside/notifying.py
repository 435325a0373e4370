"""Tells systemd how we are (sd_notify(3)); does nothing where systemd did not start us."""

import os
import socket


def notify(state: str) -> None:
    """Send one state, such as `READY=1` or `WATCHDOG=1`."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    # A leading @ is an abstract socket, whose name begins with a NUL byte.
    path = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.sendto(state.encode(), path)
