"""A dialogue is carried over whatever answers: here a list."""

import pytest

from agent.core.dialogue import Hear, Say, attempt, converse
from contracts.errors import NoAnswerError


class Answers:
    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def ask(self, request):
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self):
        pass


def greeting():
    yield Say(b"who\n")
    return (yield Hear(until=b"\n")).decode().strip()


def patient():
    try:
        yield Hear()
    except NoAnswerError:
        yield Say(b"again")
    return "went on"


SILENCE = NoAnswerError(request="Hear", reason="2.0 s")


def test_what_a_dialogue_found_is_returned():
    answers = Answers(b"", b"C1\n")
    assert converse(greeting(), answers) == "C1"
    assert answers.asked == [Say(b"who\n"), Hear(until=b"\n")]


def test_a_dialogue_may_go_on_without_an_answer():
    assert converse(patient(), Answers(SILENCE, b"")) == "went on"


def test_silence_that_a_dialogue_does_not_expect_is_raised():
    with pytest.raises(NoAnswerError):
        converse(greeting(), Answers(b"", SILENCE))


def test_the_silence_of_an_attempt_is_an_answer():
    answers = Answers(SILENCE)
    assert converse(attempt(Hear()), answers) is None
    assert answers.asked == [Hear()]
    assert converse(attempt(Hear()), Answers(b"C1")) == b"C1"
