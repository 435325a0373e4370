"""Who may ask what of the pages: host names, origins and form tokens (faults W02)."""

import hmac
import ipaddress
import secrets
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with none at all browsers send forms from origin "null"
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True)
class Guard:
    """The rules of one running server; a restart makes forms of before worthless."""

    names: frozenset[str]
    secret: bytes

    @classmethod
    def for_names(cls, *names: str) -> "Guard":
        """Return a guard that knows the server by these host names and by any address."""
        return cls(frozenset(name.lower() for name in ("localhost", *names)), secrets.token_bytes())

    def knows_host(self, host: str) -> bool:
        """Tell whether a Host header names us.

        Rebinding needs a name of the attacker's in it; an address cannot be rebound.
        """
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self.names or _is_address(name)

    def token(self, session: str) -> str:
        """Return the form token that belongs to a session cookie."""
        return hmac.new(self.secret, session.encode(), sha256).hexdigest()

    def accepts(self, session: str, token: str, origin: str | None, host: str) -> bool:
        """Tell whether a form was sent from one of our own pages."""
        if origin is not None and urlsplit(origin).netloc != host:
            return False
        expected = self.token(session).encode()
        return bool(session) and hmac.compare_digest(expected, token.encode())


def new_session() -> str:
    """Return a fresh session cookie value."""
    return secrets.token_urlsafe(24)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
