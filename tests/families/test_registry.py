"""Every language a profile may name can be made, and none takes what it does not know."""

import pytest

from agent.families import FAMILIES
from contracts.errors import SettingsError


@pytest.mark.parametrize("name", FAMILIES)
def test_a_language_refuses_an_option_it_does_not_know(name):
    with pytest.raises(SettingsError) as refused:
        FAMILIES[name]({"no_such_option": 1})
    assert "no_such_option" in "".join(refused.value.problems)
