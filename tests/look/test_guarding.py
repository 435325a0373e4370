"""Who may ask what of the pages."""

import pytest

from look.guarding import Guard, new_session

GUARD = Guard.for_names("s1")


@pytest.mark.parametrize("host", ["localhost:8640", "127.0.0.1", "[::1]:8640", "S1", "10.1.2.3:80"])
def test_our_own_names_and_any_address_are_known(host):
    assert GUARD.knows_host(host)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::1", "s1@evil"])
def test_any_other_name_is_not(host):
    assert not GUARD.knows_host(host)


def test_a_token_is_good_for_its_session_only():
    ours, other = new_session(), new_session()
    assert GUARD.accepts(ours, GUARD.token(ours), "http://s1", "s1")
    assert not GUARD.accepts(other, GUARD.token(ours), "http://s1", "s1")


def test_a_form_from_another_origin_is_refused():
    ours = new_session()
    assert not GUARD.accepts(ours, GUARD.token(ours), "http://evil.example", "s1")
    assert not GUARD.accepts(ours, GUARD.token(ours), "null", "s1")


def test_no_session_has_no_token():
    assert not GUARD.accepts("", GUARD.token(""), None, "s1")


def test_a_token_of_another_run_is_refused():
    ours = new_session()
    assert not GUARD.accepts(ours, Guard.for_names().token(ours), None, "s1")
