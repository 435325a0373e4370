"""Asking the agent over its socket."""

import pytest

from contracts.commands import Answer, Retry
from contracts.errors import AgentAwayError
from station.asking import Agent


def test_the_agent_gets_the_command_and_its_answer_comes_back(folder, agent):
    agent.answer = Answer(ok=False, zh="不行", en="No", code="no")
    assert Agent(folder / "run" / "agent.sock").ask(Retry(3)) == agent.answer
    assert agent.asked == [Retry(3)]


@pytest.mark.parametrize("answer", [b"", b"garbage\n", b'{"ok": "perhaps"}\n'])
def test_an_answer_that_is_none_is_a_silent_agent(folder, agent, answer):
    agent.answer = answer
    with pytest.raises(AgentAwayError):
        Agent(folder / "run" / "agent.sock").ask(Retry(3))


def test_no_socket_is_a_silent_agent(folder):
    with pytest.raises(AgentAwayError):
        Agent(folder / "run" / "agent.sock").ask(Retry(3))
