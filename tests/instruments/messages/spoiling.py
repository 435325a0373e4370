"""The ways to spoil a message: each takes honest ones and returns what an attacker would say."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from contracts.batch import MAX_BATCH_BYTES
from contracts.checkpoint import WitnessRequest
from contracts.loading import to_json
from contracts.messages import Have, IndexState, Message, Topics
from contracts.note import COSIGNATURE, SigningKey

TOPICS = Topics("muster", "example")
NOBODY = SigningKey(b"\x66" * 32)
DEEP = 5_000
START = "muster/v1/example"
NOWHERE = (
    f"{START}/index/state", f"{START}//entry", f"{START}/+/entry", f"{START}/#", f"{START}/s1",
    "muster/v1/other/s1/entry", "", "/" * 200, f"{START}/{'a' * 60_000}/entry",
)  # fmt: skip
WORDS = (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 400, b"-0", b"null", b'"\\ud800"')
NO_TEXT = (b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\x00", b"\xf8\x88\x80\x80\x80")


@dataclass(frozen=True)
class Overheard:
    """What an attacker has: all that a victim and another station ever said, and their topics."""

    victim: str
    origin: str
    said: tuple[Message, ...]
    others: tuple[Message, ...]


Spoil = Callable[[random.Random, Overheard], list[Message]]


def some(chance: random.Random, overheard: Overheard) -> Message:
    """Return something that the victim said."""
    return chance.choice(overheard.said)


def one_of(kind: str) -> Callable[[random.Random, Overheard], Message]:
    """Return a way to choose among the victim's messages of a kind."""

    def choose(chance: random.Random, overheard: Overheard) -> Message:
        return chance.choice([m for m in overheard.said if m.topic.endswith(f"/{kind}")])

    return choose


_entry, _checkpoint = one_of("entry"), one_of("checkpoint")


def replayed(chance: random.Random, overheard: Overheard) -> list[Message]:
    """Say again what was said before."""
    return [some(chance, overheard)]


def reordered(chance: random.Random, overheard: Overheard) -> list[Message]:
    """Say some of it again in another order, some of it twice."""
    return chance.choices(overheard.said, k=6)


def flipped(chance: random.Random, overheard: Overheard) -> list[Message]:
    """Flip one to three bits."""
    message = some(chance, overheard)
    raw = bytearray(message.payload or b" ")
    for _ in range(chance.randint(1, 3)):
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    return [replace(message, payload=bytes(raw))]


def truncated(chance: random.Random, overheard: Overheard) -> list[Message]:
    """Cut it short, at either end."""
    message = some(chance, overheard)
    at = chance.randrange(len(message.payload) + 1)
    cut = message.payload[:at] if chance.random() < 0.5 else message.payload[at:]
    return [replace(message, payload=cut)]


def oversized(chance: random.Random, overheard: Overheard) -> list[Message]:
    """Say more than any message may hold."""
    message = some(chance, overheard)
    more = chance.choice((b"x", b" ", b"[", b"\n", message.payload or b"x"))
    return [replace(message, payload=more * (MAX_BATCH_BYTES // len(more) + 2))]


def too_many(chance: random.Random, overheard: Overheard) -> list[Message]:
    """Put more entries into a message than it may hold, or the same ones again."""
    payload = _entry(chance, overheard).payload
    lines = payload.split(b"\n")
    many = b"\n".join(chance.choices(lines, k=chance.choice((2, 99, 101, 150))))
    return [_to(overheard.victim, "entry", many)]


def wrongly_signed(chance: random.Random, overheard: Overheard) -> list[Message]:
    """Sign a head with another key, or put another head above the victim's signature."""
    request = WitnessRequest.parse(_checkpoint(chance, overheard).payload)
    text, _, signatures = request.note.rpartition("\n\n")
    origin, size, root = text.split("\n")[:3]
    size = str(int(size) + chance.choice((0, 1, 7)))
    changed = f"{origin}\n{size}\n{chance.choice((root, 'A' * 43 + '='))}\n"
    if chance.random() < 0.5:
        forged = NOBODY.sign(changed, origin)
    else:
        forged = (
            f"{changed}\n{signatures}" if changed != f"{text}\n" else NOBODY.sign(changed, origin)
        )
    return [_to(overheard.victim, "checkpoint", replace(request, note=forged).format())]


def wrong_proof(chance: random.Random, overheard: Overheard) -> list[Message]:
    """Keep the signed head, but say that it extends something else, or prove it otherwise."""
    request = WitnessRequest.parse(_checkpoint(chance, overheard).payload)
    proof = tuple(chance.randbytes(32) for _ in range(chance.randrange(64)))
    old = chance.choice((0, 1, request.old_size + 1, 2**53 - 1))
    return [_to(overheard.victim, "checkpoint", WitnessRequest(old, proof, request.note).format())]


def foreign(chance: random.Random, overheard: Overheard) -> list[Message]:
    """Say what another station said on the victim's topics, and the other way round."""
    message = chance.choice(overheard.others)
    kind = message.topic.rpartition("/")[2]
    stranger = chance.choice((overheard.victim, "nobody", "s-9"))
    return [_to(stranger, kind, message.payload)]


def elsewhere(chance: random.Random, overheard: Overheard) -> list[Message]:
    """Say it on another topic: of another kind, of nobody, malformed."""
    kind = chance.choice(("entry", "meta", "x", "dock/1"))
    topic = chance.choice((f"{START}/{overheard.victim}/{kind}", *NOWHERE))
    return [replace(some(chance, overheard), topic=topic)]


def nested(chance: random.Random, overheard: Overheard) -> list[Message]:
    """Nest deeply."""
    depth = chance.choice((50, 900, DEEP))
    inner = chance.choice((b"[" * depth, b'{"a":' * depth, b"[" * depth + b"]" * depth))
    kind = chance.choice(("entry", "meta", "state", "dock/1"))
    return [_to(overheard.victim, kind, _with(_entry(chance, overheard).payload, inner, chance))]


def odd_numbers(chance: random.Random, overheard: Overheard) -> list[Message]:
    """Say numbers that are none, or too large."""
    word = chance.choice(WORDS)
    kind = chance.choice(("entry", "meta", "state", "dock/1"))
    return [_to(overheard.victim, kind, _with(_entry(chance, overheard).payload, word, chance))]


def no_text(chance: random.Random, overheard: Overheard) -> list[Message]:
    """Say bytes that are no UTF-8."""
    message = some(chance, overheard)
    at = chance.randrange(len(message.payload) + 1)
    raw = message.payload[:at] + chance.choice(NO_TEXT) + message.payload[at:]
    return [replace(message, payload=raw)]


def retained_junk(chance: random.Random, overheard: Overheard) -> list[Message]:
    """Leave something with the broker for whoever comes."""
    message = replace(chance.choice((*flipped(chance, overheard), some(chance, overheard))))
    return [replace(message, retained=True)]


def rewritten(chance: random.Random, overheard: Overheard) -> list[Message]:
    """Change what entries say, in canonical form and at their places: only the root tells."""
    lines = _entry(chance, overheard).payload.split(b"\n")
    place = chance.randrange(len(lines))
    document = json.loads(lines[place])
    document["data"] = {"forged": chance.randrange(10**6)}
    ahead = chance.choice((0, 0, 1, 100, 1_999))
    number = int(document["id"]) + ahead
    document |= {"id": str(number), "sequence": f"{number:010d}"}
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return [_to(overheard.victim, "entry", canonical.encode())]


def noise(chance: random.Random, overheard: Overheard) -> list[Message]:
    """Say random bytes."""
    kind = chance.choice(("entry", "checkpoint", "meta", "state", "dock/1", "have", "witness"))
    return [_to(overheard.victim, kind, chance.randbytes(chance.choice((0, 1, 40, 3_000))))]


def lied_to(chance: random.Random, overheard: Overheard) -> list[Message]:
    """Say to the station what only the index may: positions, cosignatures, keys."""
    origin = chance.choice((overheard.origin, f"muster/example/{overheard.victim}/0badcafe"))
    size = chance.choice((-1, 0, 3, 2**40, 2**70))
    name = "muster/example/witness/x"
    note = WitnessRequest.parse(_checkpoint(chance, overheard).payload).note
    state = IndexState("ready", str(NOBODY.verifying(name, COSIGNATURE)))
    return [
        chance.choice(
            (
                _to(overheard.victim, "have", to_json(Have(origin, size))),
                _to(overheard.victim, "have", b'{"origin":1,"size":"many"}'),
                _to(overheard.victim, "witness", NOBODY.cosign(note, name, 1).encode()),
                _to(overheard.victim, "witness", note.encode()),
                Message(TOPICS.index_state, to_json(state), retained=True),
            )
        )
    ]


def _to(station: str, kind: str, payload: bytes) -> Message:
    return Message(f"muster/v1/example/{station}/{kind}", payload)


def _with(entry: bytes, inner: bytes, chance: random.Random) -> bytes:
    """Return an entry that holds something else, or that alone."""
    head, found, tail = entry.split(b"\n")[0].partition(b'"data":')
    return chance.choice((inner, head + found + inner + b"," + tail, head + found + inner))


WAYS: tuple[Spoil, ...] = (
    replayed, reordered, flipped, truncated, oversized, too_many, wrongly_signed, wrong_proof,
    foreign, elsewhere, nested, odd_numbers, no_text, retained_junk, rewritten, noise, lied_to,
)  # fmt: skip
