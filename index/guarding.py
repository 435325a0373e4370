"""Who may ask for the office's pages, and what every response forbids the browser (faults W02)."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True)
class Guard:
    """Knows the server's own host names.

    DNS rebinding needs a name of the attacker's in the Host header; an address cannot be rebound.
    """

    names: frozenset[str]

    @classmethod
    def for_names(cls, *names: str) -> "Guard":
        """Return a guard that knows the server by these names, as localhost and by any address."""
        return cls(frozenset(name.lower() for name in ("localhost", *names)))

    def knows_host(self, host: str) -> bool:
        """Tell whether a Host header names us."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self.names or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
