"""Every type of entry has a sentence in both languages."""

from zoneinfo import ZoneInfo

import pytest

from contracts.entry import Draft, decode, encode
from contracts.facts import FACTS, draft_of
from station.wording import WORDS, Speaker
from tests.support.madeup_station import NOW, PEOPLE, every_fact, moment

NAMES = {person[0]: person[1] for person in PEOPLE}
SPEAKER = Speaker(lambda key: NAMES.get(key, key), ZoneInfo("Asia/Shanghai"))


def entered(draft):
    return decode(encode(draft, 1, "muster/example/s1/0", moment(NOW)))


def test_there_are_words_for_exactly_the_types_there_are():
    assert WORDS.keys() == FACTS.keys()


def test_the_made_up_facts_are_of_every_type():
    assert {fact.TYPE for fact in every_fact()} == FACTS.keys()


@pytest.mark.parametrize("fact", every_fact(), ids=lambda fact: fact.TYPE)
def test_every_type_is_said_in_both_languages(fact):
    said = SPEAKER.sentence(entered(draft_of(fact)))
    assert said.zh
    assert said.en
    assert not any(mark in said.zh + said.en for mark in ("{", "None", "Counts("))


def test_an_issue_names_person_approver_and_override():
    issued = next(fact for fact in every_fact() if fact.TYPE == "recorder.issued")
    said = SPEAKER.sentence(entered(draft_of(issued)))
    assert said.zh == "王建国 领用记录仪 LS-0104, 欧阳志强 批准; 检查未通过, 理由: 现场急需"


def test_a_type_of_a_newer_version_names_itself():
    assert "recorder.painted" in SPEAKER.sentence(entered(Draft("recorder.painted", "x", {}))).zh


def test_data_that_does_not_fit_its_type_is_said_so():
    said = SPEAKER.sentence(entered(Draft("recorder.issued", "x", {})))
    assert said.zh == "记录内容与其类型不符"


def test_words_in_an_entry_are_never_a_format():
    service = next(fact for fact in every_fact() if fact.TYPE == "recorder.service")
    object.__setattr__(service, "reason", "{fact.__class__}")
    assert "{fact.__class__}" in SPEAKER.sentence(entered(draft_of(service))).zh
