"""What waits is bounded, keeps its order, and is taken in turns that are fair."""

import threading

import pytest

from contracts.messages import Message
from index.inbox import LITTLE_BYTES, MAX_WAITING, SHARE_BYTES, SHARE_MESSAGES, Inbox, Stop
from outside.broker import Connected, Lost


def said(station, number=0, size=10):
    return Message(f"{station}/entry", b"%0*d" % (size, number))


@pytest.fixture
def inbox():
    return Inbox(lambda topic: topic.partition("/")[0])


def turns(inbox):
    """Return all turns that can be taken now."""
    found = []
    while turn := inbox.turn(0):
        found.append(turn)
    return found


def test_a_turn_of_nothing_is_empty(inbox):
    assert inbox.turn(0.001) == []


def test_a_stations_messages_keep_their_order(inbox):
    sent = [said("s1", number) for number in range(200)]
    for message in sent:
        inbox.put(message)
    assert [message for turn in turns(inbox) for message in turn] == sent


def test_no_station_has_more_than_its_share_of_a_turn(inbox):
    for number in range(SHARE_MESSAGES + 5):
        inbox.put(said("many", number))
    for number in range(8):
        inbox.put(said("large", number, SHARE_BYTES // 4))
    first, second = turns(inbox)
    assert [message.topic for message in first].count("large/entry") == 4
    assert [message.topic for message in first].count("many/entry") == SHARE_MESSAGES
    assert len(second) == 5 + 4


def test_those_with_little_to_say_come_first(inbox):
    inbox.put(said("behind", size=LITTLE_BYTES + 1))
    inbox.put(said("live"))
    assert [message.topic for message in inbox.turn(0)] == ["live/entry", "behind/entry"]


def test_whoever_had_no_place_in_a_turn_is_first_in_the_next(inbox):
    stations = [f"s{number}" for number in range(20)]
    for _ in range(4):
        for station in stations:
            inbox.put(said(station, size=SHARE_BYTES // 2))
    first, second = inbox.turn(0), inbox.turn(0)
    served = [message.topic for message in (*first, *second)]
    assert len(set(served)) == len(served) // 2 == len(first)


def test_what_happens_to_the_connection_waits_for_what_was_said_before(inbox):
    events = [said("s1", 1), Lost("x"), Connected(), said("s1", 2)]
    for event in events:
        inbox.put(event)
    assert turns(inbox) == [events[:1], Lost("x"), Connected(), events[3:]]


def test_a_stop_comes_after_what_was_said_before(inbox):
    inbox.put(said("s1"))
    inbox.put_stop()
    assert [*turns(inbox)] == [[said("s1")], Stop()]


def test_whoever_puts_waits_while_too_much_waits(inbox):
    sent = [said("s1", number) for number in range(MAX_WAITING + 10)]
    broker = threading.Thread(target=lambda: [inbox.put(message) for message in sent])
    broker.start()
    taken = []
    while len(taken) < len(sent):
        waiting = inbox.turn(1)
        assert len(waiting) <= SHARE_MESSAGES
        taken += waiting
    broker.join()
    assert taken == sent


def test_closing_lets_go_of_whoever_waits_for_room(inbox):
    for number in range(MAX_WAITING):
        inbox.put(said("s1", number))
    broker = threading.Thread(target=inbox.put, args=(said("s1"),))
    broker.start()
    inbox.close()
    broker.join(60)
    assert not broker.is_alive()
