"""Shipping the ledger, with a real ledger and a list in place of the broker."""

import pytest

from agent.core.event import Trouble
from agent.shipper import LIFE_SIGN, Shipper
from contracts.batch import split_batch
from contracts.checkpoint import WitnessRequest
from contracts.entry import MAX_ENTRY_BYTES, Draft
from contracts.errors import BrokerRefusedError, EntryError, LedgerCommitError
from contracts.loading import from_json, to_json
from contracts.messages import Have, IndexState, StationMeta, StationState, Topics
from contracts.note import COSIGNATURE, SigningKey
from ledger.store import Ledger
from tests.support.made_up import NOW, later, moment

TOPICS = Topics("muster", "example")
WITNESS = SigningKey(b"\x07" * 32)
NAME = "muster/example/witness/x"
KEY = str(WITNESS.verifying(NAME, COSIGNATURE))


class Desk:
    """A shipper with a ledger of ten entries, and everything it has published."""

    def __init__(self, folder):
        self.ledger = Ledger.open(folder / "ledger", "muster/example/s1", moment(), "1")
        self.ledger.append([Draft("t", "s", {"n": n}) for n in range(9)], moment())
        self.sent = []
        meta = StationMeta(
            "example", "s1", "站", "1", 2, self.ledger.origin, str(self.ledger.verifying_key)
        )
        self.shipper = Shipper(self.ledger, TOPICS, meta, self.publish)

    def publish(self, message):
        kind = message.topic.rpartition("/")[2]
        self.sent.append((kind, message.payload, message.retained))

    def hear(self, kind, value):
        return self.shipper.take(TOPICS.station("s1", kind), to_json(value))

    def ship(self, now=NOW):
        self.sent.clear()
        self.shipper.ship(now)
        return [kind for kind, _, _ in self.sent]


@pytest.fixture
def desk(tmp_path):
    one = Desk(tmp_path)
    one.shipper.connected(NOW)
    yield one
    one.ledger.close()


def test_a_station_introduces_itself_when_it_reaches_the_broker(desk):
    kinds = {kind: (payload, retain) for kind, payload, retain in desk.sent}
    assert from_json(kinds["meta"][0], StationMeta).origin == desk.ledger.origin
    assert from_json(kinds["state"][0], StationState).state == "ready"
    assert kinds["meta"][1]
    assert kinds["state"][1]


def test_a_station_introduces_itself_again_until_the_index_answers(desk):
    assert desk.ship(NOW + LIFE_SIGN) == ["meta", "state"]
    desk.hear("have", Have(desk.ledger.origin, 0))
    assert "meta" not in desk.ship(NOW + 2 * LIFE_SIGN)


def test_nothing_is_shipped_before_the_index_has_said_what_it_has(desk):
    assert "entry" not in desk.ship()


def test_the_window_is_sent_in_order_with_a_checkpoint_that_extends_what_the_index_has(desk):
    desk.hear("have", Have(desk.ledger.origin, 4))
    assert desk.ship() == ["entry", "checkpoint"]
    entries = split_batch(desk.sent[0][1])
    assert entries == desk.ledger.raw(5, 11)
    request = WitnessRequest.parse(desk.sent[-1][1])
    assert (request.old_size, request.proof) == (4, desk.ledger.consistency(4, 10))


def test_what_another_ledger_has_is_not_about_this_one(desk):
    desk.hear("have", Have("muster/example/s1/other", 4))
    assert "entry" not in desk.ship()


def test_an_index_that_has_more_than_the_ledger_is_trouble_and_is_sent_nothing(desk):
    desk.hear("have", Have(desk.ledger.origin, 11))
    assert desk.shipper.state.trouble.code == "ledger_behind_index"
    assert "entry" not in desk.ship()


def test_the_first_key_of_the_index_is_met_once(desk):
    state = to_json(IndexState("ready", KEY))
    fact = desk.shipper.take(TOPICS.index_state, state)
    assert (fact.key, fact.pinned) == (KEY, False)
    assert desk.shipper.take(TOPICS.index_state, state) is None


def test_another_key_of_the_index_is_trouble_and_changes_nothing(desk):
    desk.shipper.witness_key = KEY
    other = str(SigningKey(b"\x08" * 32).verifying(NAME, COSIGNATURE))
    desk.shipper.take(TOPICS.index_state, to_json(IndexState("ready", other)))
    assert desk.shipper.state.trouble.code == "witness_key_differs"
    assert desk.shipper.witness_key == KEY


def test_a_cosigned_checkpoint_is_kept_as_witnessed(desk):
    desk.shipper.witness_key = KEY
    note = WITNESS.cosign(desk.ledger.checkpoint_at(7), NAME, 1_790_000_000)
    desk.shipper.take(TOPICS.station("s1", "witness"), note.encode())
    assert desk.shipper.state.witnessed == 7


def test_a_note_that_another_has_cosigned_is_trouble_and_witnesses_nothing(desk):
    desk.shipper.witness_key = KEY
    note = SigningKey(b"\x08" * 32).cosign(desk.ledger.checkpoint_at(7), NAME, 1_790_000_000)
    desk.shipper.take(TOPICS.station("s1", "witness"), note.encode())
    assert desk.shipper.state.witnessed == 0
    assert desk.shipper.state.trouble.code == "note_invalid"


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff" * 50, b'{"origin":5,"size":"x"}', b"[]"])
def test_garbage_from_the_broker_changes_nothing(desk, payload):
    desk.hear("have", Have(desk.ledger.origin, 4))
    before = desk.shipper.state
    for topic in (TOPICS.station("s1", "have"), TOPICS.index_state):
        assert desk.shipper.take(topic, payload) is None
    assert desk.shipper.state.index_has == before.index_has


def test_a_flood_of_garbage_is_logged_once(desk, caplog):
    for _ in range(50):
        desk.shipper.take(TOPICS.station("s1", "have"), b"{")
    assert len(caplog.records) == 1


def test_a_lost_broker_is_shown_and_what_was_sent_is_sent_again(desk):
    desk.hear("have", Have(desk.ledger.origin, 4))
    first = desk.ship()
    desk.shipper.lost()
    assert not desk.shipper.state.connected
    desk.shipper.connected(NOW)
    desk.hear("have", Have(desk.ledger.origin, 4))
    assert desk.ship(later(1)) == first


def test_a_broker_that_refuses_us_is_shown_until_the_index_answers(desk):
    desk.shipper.refused(Trouble.of(BrokerRefusedError(reason="acl")))
    assert desk.shipper.state.trouble.code == "broker_refused"
    desk.hear("have", Have(desk.ledger.origin, 4))
    assert desk.shipper.state.trouble is None


def test_a_farewell_is_retained(desk):
    last = desk.shipper.farewell(NOW)
    assert from_json(last.payload, StationState).state == "disconnected"
    assert last.retained


def test_a_station_with_nothing_to_say_gives_a_sign_of_life(desk):
    desk.hear("have", Have(desk.ledger.origin, desk.ledger.size))
    assert desk.ship(later(9)) == []
    assert desk.ship(later(10)) == ["state"]
    assert desk.ship(later(19)) == []
    assert desk.ship(later(20)) == ["state"]


def test_a_station_out_of_reach_gives_no_sign_of_life(desk):
    desk.shipper.lost()
    assert desk.ship(later(60)) == []


def test_entries_of_the_greatest_size_go_out_a_few_at_a_time(desk):
    room = MAX_ENTRY_BYTES - len(desk.ledger.append([Draft("t", "s", {"x": ""})], moment())[0].raw)
    largest = desk.ledger.append([Draft("t", "s", {"x": "x" * room})] * 60, moment())
    assert {len(entry.raw) for entry in largest} == {MAX_ENTRY_BYTES}
    desk.hear("have", Have(desk.ledger.origin, 11))
    assert desk.ship() == ["entry"] * 5 + ["checkpoint"]
    payloads = [payload for kind, payload, _ in desk.sent if kind == "entry"]
    sent = [raw for payload in payloads for raw in split_batch(payload)]
    assert sent == [entry.raw for entry in largest[:32]]
    desk.hear("have", Have(desk.ledger.origin, 43))
    assert desk.ship() == ["entry"] * 4 + ["checkpoint"]


def test_an_entry_beyond_the_greatest_size_never_enters_the_queue(desk):
    size = desk.ledger.size
    with pytest.raises(EntryError):
        desk.ledger.append([Draft("t", "s", {"x": "x" * MAX_ENTRY_BYTES})], moment())
    assert desk.ledger.size == size


def test_who_witnessed_how_much_and_when_is_told(desk):
    assert (desk.shipper.state.witness, desk.shipper.state.witnessed_at) == ("", None)
    desk.shipper.witness_key = KEY
    checkpoint = desk.ledger.checkpoint_at(4)
    cosigned = WITNESS.cosign(checkpoint, NAME, int(NOW.timestamp()))
    desk.shipper.take(TOPICS.station("s1", "witness"), cosigned.encode())
    state = desk.shipper.state
    assert (state.witnessed, state.witness, state.witnessed_at) == (4, KEY, NOW)


def test_a_cosignature_that_may_not_have_been_kept_ends_the_program(desk):
    desk.shipper.witness_key = KEY
    note = WITNESS.cosign(desk.ledger.checkpoint, NAME, 1_790_000_000)
    (desk.ledger.folder / "witness.note").mkdir()
    with pytest.raises(LedgerCommitError):
        desk.shipper.take(TOPICS.station("s1", "witness"), note.encode())
