"""A hole in real recordings becomes a question of a running agent, is answered, and stays so."""

from datetime import UTC, datetime

import pytest

from contracts.commands import AnswerQuestion
from demo.media import make_video
from tests.support.running_agent import World, fill, pin, running

FIRST, SECOND, THIRD = (f"DCIM/20261120_{time}.mp4" for time in ("101428", "102105", "102107"))


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "two_seconds.mp4"
    make_video(path, 2, (160, 96), datetime(2026, 11, 20, tzinfo=UTC), 1)
    return path.read_bytes()


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    made.write()
    roster = made.roster.read_text("utf-8")
    asking = roster.replace('name = "plain"\n', 'name = "plain"\nquestions = {}\n')
    made.roster.write_text(asking, "utf-8")
    return made


def test_a_hole_is_asked_about_once_answered_at_the_kiosk_and_not_asked_again(world, video):
    # Two files of the same bytes are one object; what follows the media makes them different.
    world.card("R1", {FIRST: video, SECOND: video + b"\0\0\0\x08free"})
    with running(world) as agent:
        world.plug("R1")
        agent.settled()
        asked = agent.wait_entry("footage.questioned")
        assert (asked["kind"], asked["seen_in"]) == ("hole", [FIRST[5:], SECOND[5:]])
        assert asked["from_at"].startswith("2026-11-20T02:14:3")
        assert asked["to_at"].startswith("2026-11-20T02:21:05")
        answer = AnswerQuestion(asked["question"], "battery", "p1", pin("p1"))
        assert agent.ask(answer).ok
        assert agent.ask(answer).code == "question_unknown"
        assert agent.ask(AnswerQuestion("x", "other", "p1", "wrong")).code == "pin_wrong"
    fill(world.cards / "R1" / "files", {THIRD: video + b"\0\0\0\x10free" + b"\0" * 8})
    with running(world) as agent:
        agent.settled()
        assert [data["question"] for data in world.data("footage.questioned")] == [
            asked["question"]
        ]
        (answered,) = world.data("question.answered")
    assert (answered["answer"], answered["by"]) == ("battery", "p1")
