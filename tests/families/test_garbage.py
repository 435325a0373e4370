"""Whatever a device says, a dialogue ends soon, with known or unknown."""

from contextlib import suppress
from datetime import datetime
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.dialogue import Pause, converse
from agent.core.family import Guarded, Login, Told
from agent.families.amba_ascii import AmbaAscii
from agent.families.amba_control import AmbaControl
from agent.families.jieli import Jieli
from agent.families.novatek import Novatek
from contracts.errors import NoAnswerError, SwitchRefusedError
from contracts.reading import Identity

FAMILIES = [AmbaAscii({}), AmbaControl({"password": "000000"}), Jieli({}), Novatek({})]
# Bytes of no meaning, and bytes that begin as an answer does.
BEGINNINGS = (
    b"",
    b"@Ver;",
    b"@Gdv;8;",
    b"@BATTERY#",
    b"@DriveID#",
    b"ABCDE",
    b"\xa1\xb2\xc3\xd4\0",
)
ANSWER = st.one_of(st.none(), st.builds(bytes.__add__, st.sampled_from(BEGINNINGS), st.binary()))
MOMENT = st.datetimes(datetime(1980, 1, 1), datetime(2107, 12, 31))  # noqa: DTZ001  # FAT's


class Anything:
    """Answers with whatever it is given, in turn; None is silence."""

    def __init__(self, answers):
        self.answers = answers
        self.times = 0

    def ask(self, request):
        if isinstance(request, Pause):
            return b""
        answer = self.answers[self.times % len(self.answers)]
        self.times += 1
        if answer is None:
            raise NoAnswerError(request=type(request).__name__, reason="silence")
        size = getattr(request, "size", 0)
        return (answer * (size + 1))[:size] if len(answer) == 1 else answer[:size]

    def close(self):
        pass


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: type(family).__name__)
@given(st.lists(ANSWER, min_size=1, max_size=20), MOMENT)
@settings(max_examples=150, deadline=None)
def test_a_device_that_says_anything_is_answered_with_known_or_unknown(family, answers, local):
    dialogues = [family.probe(), family.set_clock(local), family.switch(), family.clock()]
    if isinstance(family, Guarded):
        dialogues.append(family.log_in())
    for dialogue in dialogues:
        way = Anything(answers)
        with suppress(SwitchRefusedError):
            assert converse(dialogue, way) in {True, False, None, *get_args(Login)}
        assert way.times < 100
    battery = converse(family.battery(), Anything(answers))
    assert battery is None or (isinstance(battery, Told) and 0 <= battery.value <= 100)
    identity = converse(family.identity(), Anything(answers))
    assert isinstance(identity, Identity)
    assert identity.device_number is None or identity.device_number.isprintable()
