"""What is heard does not depend on the pieces it came in, and never outgrows what was asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.dialogue import Hear
from agent.transports.hearing import Hearing
from contracts.errors import NoAnswerError, RecorderGoneError

REQUESTS = st.lists(
    st.builds(
        Hear,
        until=st.sampled_from([b"\n", b"\r\n", b"##"]),
        size_max=st.just(40),
        seconds=st.just(60),
    )
    | st.builds(Hear, size=st.integers(1, 30), size_max=st.just(40), seconds=st.just(60)),
    max_size=6,
)
SAID = st.lists(st.sampled_from([b"\r", b"\n", b"#", b"BAT=87", b"\xff", b""]), max_size=40)


class Pieces:
    """A line that says these pieces, one each time it is listened to, and then is pulled out."""

    def __init__(self, pieces):
        self._pieces = list(pieces)

    def read(self, seconds):
        if not self._pieces:
            raise RecorderGoneError
        return self._pieces.pop(0)


def answers(pieces, requests):
    """Return what each request is answered, up to the first that is not."""
    hearing = Hearing(Pieces([piece for piece in pieces if piece]).read)
    said = []
    for request in requests:
        try:
            said.append(hearing.hear(request))
        except (NoAnswerError, RecorderGoneError):
            return said
    return said


@given(SAID, REQUESTS)
def test_answers_do_not_depend_on_the_pieces_they_came_in(pieces, requests):
    whole = b"".join(pieces)
    at_once = answers([whole], requests)
    assert answers(pieces, requests) == at_once
    assert answers([bytes([byte]) for byte in whole], requests) == at_once


@given(SAID, REQUESTS)
def test_an_answer_is_what_was_asked_for_and_no_more(pieces, requests):
    said = answers(pieces, requests)
    assert b"".join(pieces).startswith(b"".join(said))
    for request, answer in zip(requests, said, strict=False):
        assert len(answer) == request.size if request.size else answer.endswith(request.until)
        assert len(answer) <= request.size_max


def test_what_does_not_fall_silent_is_not_kept():
    hearing = Hearing(Pieces([b"x" * 4096] * 100).read)
    with pytest.raises(NoAnswerError):
        hearing.hear(Hear(until=b"\n", size_max=64))
    assert len(hearing._heard) <= 4096
