"""The shipped broker settings, run by a real Mosquitto, met by the programs' own connections."""

import socket
import threading

import pytest

from contracts.messages import Message
from outside.broker import Connected, Lost, Refused
from tests.deployment.conftest import TOPICS
from tests.support.certificates import Authority

S1 = {
    *(TOPICS.station("s1", kind) for kind in ("state", "meta", "entry", "checkpoint")),
    TOPICS.dock("s1", 1),
}
# paho drops the socket of a failed handshake for Python to close.
DROPPED = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
LONG = bytes(9_000)  # several TLS records wait while others are read
S1_HEARS = (TOPICS.station("s1", "have"), TOPICS.station("s1", "witness"), TOPICS.index_state)


def test_the_index_hears_every_topic_of_a_station(lines, index):
    station = lines.station("s1", *S1_HEARS)
    for topic in S1:
        station.say(topic)
        index.until_topic(topic)
    assert index.of_kind(Refused) == []
    assert station.of_kind(Refused) == []


def test_a_station_hears_all_that_the_index_says_to_it(lines, index):
    station = lines.station("s1", *S1_HEARS)
    for topic in S1_HEARS:
        index.say(topic)
        station.until_topic(topic)
    assert index.of_kind(Refused) == []


def test_what_is_retained_is_there_for_whoever_comes_later(lines, index):
    station = lines.station("s1")
    for topic in S1:
        station.say(topic, retain=True)
        index.until_topic(topic)
    station.close()
    index.say(TOPICS.station("s1", "witness"), retain=True)
    lines.station("s1", *S1_HEARS).until_topic(TOPICS.station("s1", "witness"))
    screen = lines.station("screen", TOPICS.every_station("state"), TOPICS.dock("+", 1))
    screen.until_topic(TOPICS.station("s1", "state"))
    screen.until_topic(TOPICS.dock("s1", 1))


def test_alerts_and_reports_reach_a_screen_and_an_empty_one_clears(lines):
    alert = TOPICS.alert("missing", "s1-7")
    index = lines.index(TOPICS.alert("missing", "+"))
    index.say(alert, b"open", retain=True)
    index.say("muster/v1/example/report/daily/2026-09-21", b"{}", retain=True)
    index.until_topic(alert)
    screen = lines.station("screen", "muster/v1/example/alert/#", "muster/v1/example/report/#")
    screen.until_topic(alert, b"open")
    screen.until_topic("muster/v1/example/report/daily/2026-09-21")
    index.say(alert, b"", retain=True)
    screen.until_topic(alert, b"")
    assert index.of_kind(Refused) == []


def test_the_will_speaks_for_a_station_that_is_cut_off(lines, index):
    station = lines.station("s1")
    station.broker._client.socket().shutdown(socket.SHUT_RDWR)
    lost = index.until_topic(TOPICS.station("s1", "state"), b'{"state":"lost"}')
    assert isinstance(lost, Message)


def test_a_station_cannot_speak_for_another(lines, index):
    other = lines.station("s2")
    for topic in (*S1, TOPICS.index_state, TOPICS.alert("missing", "x"), *S1_HEARS):
        other.events.clear()
        other.say(topic)
        assert "Not authorized" in other.until_kind(Refused).reason
    other.say(TOPICS.station("s2", "state"))
    index.until_topic(TOPICS.station("s2", "state"))
    assert index.topics() == {TOPICS.station("s2", "state")}


def test_a_station_cannot_leave_a_will_for_another(lines, index):
    other = lines.station("s2", will_of="s1")
    other.broker._client.socket().shutdown(socket.SHUT_RDWR)
    other.until_kind(Lost)
    _after_a_word_of(lines.station("s3"), index)
    assert index.topics() == {TOPICS.station("s3", "state")}


def test_a_station_reads_nobody_elses_topics(lines, index):
    station = lines.station("s1")
    curious = lines.station("s2", "#", "muster/v1/example/+/have", *S1_HEARS)
    for topic in S1:
        station.say(topic, retain=True)
    index.say(TOPICS.station("s1", "have"))
    index.say(TOPICS.alert("missing", "x"), retain=True)
    index.say(TOPICS.station("s2", "have"))
    curious.until_topic(TOPICS.station("s2", "have"))
    assert curious.topics() <= {TOPICS.station("s2", kind) for kind in ("have", "state")}


def test_a_screen_says_nothing_and_sees_no_entries(lines):
    station = lines.station("s1")
    screen = lines.station("screen", "#")
    station.say(TOPICS.station("s1", "entry"))
    station.say(TOPICS.station("s1", "state"))
    screen.until_topic(TOPICS.station("s1", "state"))
    screen.say(TOPICS.alert("missing", "x"))
    assert screen.until_kind(Refused)
    assert screen.topics() == {TOPICS.station("s1", "state")}


def test_nobody_takes_the_session_of_the_index(lines, index, index_reads):
    thief = lines.station("s2", *index_reads, client_id="index")
    lines.station("s4", *index_reads, client_id="muster-index")
    _after_a_word_of(lines.station("s1"), index)
    assert len(index.events) == 2
    assert thief.of_kind(Message) == []


def test_without_a_certificate_nobody_gets_in(lines):
    stranger = lines.station(
        "s1", certificate_file=None, key_file=None, connects=False, client_id="s1"
    )
    assert "certificate" in stranger.of_kind(Lost)[0].reason
    assert stranger.of_kind(Connected) == []


def test_a_certificate_of_another_authority_gets_nobody_in(lines, tmp_path):
    certificate, key = Authority(tmp_path / "other").certificate("s1")
    stranger = lines.station("s1", certificate_file=certificate, key_file=key, connects=False)
    assert "certificate" in stranger.of_kind(Lost)[0].reason
    assert stranger.of_kind(Connected) == []


@DROPPED
def test_a_station_trusts_no_broker_of_another_authority(lines, tmp_path):
    other = Authority(tmp_path / "other")
    station = lines.station("s1", ca_file=other.file, connects=False)
    assert "certificate verify failed" in station.of_kind(Lost)[0].reason
    assert station.of_kind(Connected) == []


@DROPPED
def test_a_station_trusts_no_broker_of_another_name(lines):
    station = lines.station("s1", host="127.0.0.2", connects=False)
    assert "IP address mismatch" in station.of_kind(Lost)[0].reason


def test_what_several_threads_say_at_once_arrives_whole(lines, index):
    station = lines.station("s1", TOPICS.station("s1", "have"))
    topics = [TOPICS.dock("s1", number) for number in range(300)]
    halves = [threading.Thread(target=_say_all, args=(station, half)) for half in _halves(topics)]
    for thread in halves:
        thread.start()
    for _ in topics:
        index.say(TOPICS.station("s1", "have"), LONG)
    for thread in halves:
        thread.join()
    for topic in topics:
        index.until_topic(topic, LONG)
    assert station.of_kind(Lost) == index.of_kind(Lost) == []


def test_a_packet_beyond_the_limit_ends_only_its_senders_connection(lines, index):
    station, large = lines.station("s1"), lines.station("s2")
    large.say(TOPICS.station("s2", "entry"), bytes(2 * 1024 * 1024))
    large.until_kind(Lost)
    _after_a_word_of(station, index)
    assert index.of_kind(Message)[-1].topic == TOPICS.station("s1", "state")


def _after_a_word_of(station, index):
    """Wait until what the broker was given before has been dealt with."""
    topic = TOPICS.station(station.broker._client._client_id.decode(), "state")
    station.say(topic, b"{}")
    index.until_topic(topic, b"{}")


def _say_all(station, topics):
    for topic in topics:
        station.say(topic, LONG)


def _halves(topics):
    return topics[::2], topics[1::2]
