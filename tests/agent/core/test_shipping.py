"""What is sent to the index next."""

from hypothesis import given
from hypothesis import strategies as st

from agent.core.shipping import (
    PATIENCE,
    WINDOW_ENTRIES,
    Shipping,
    Window,
    connected,
    heard,
    next_window,
)
from tests.support.made_up import NOW

UP = heard(connected(Shipping(), is_connected=True), 0)


def test_nothing_is_sent_before_the_index_has_spoken():
    silent = connected(Shipping(), is_connected=True)
    assert next_window(silent, 10, NOW) == (silent, None)
    assert next_window(Shipping(), 10, NOW)[1] is None


def test_a_window_begins_where_the_index_ends():
    assert next_window(heard(UP, 4), 10, NOW)[1] == Window(4, 10)


def test_a_window_is_bounded():
    assert next_window(UP, 10**6, NOW)[1] == Window(0, WINDOW_ENTRIES)


def test_one_window_is_under_way_at_a_time():
    sent, _ = next_window(UP, 10, NOW)
    assert next_window(sent, 20, NOW)[1] is None


def test_a_window_without_an_answer_is_sent_again():
    sent, _ = next_window(UP, 10, NOW)
    assert next_window(sent, 10, NOW + PATIENCE)[1] == Window(0, 10)


def test_a_clock_set_back_does_not_hold_a_window_up():
    sent, _ = next_window(UP, 10, NOW)
    assert next_window(sent, 10, NOW - PATIENCE)[1] == Window(0, 10)


def test_an_index_that_has_everything_is_sent_nothing():
    assert next_window(heard(UP, 10), 10, NOW)[1] is None


def test_an_index_restored_from_a_backup_is_sent_what_it_lost():
    assert next_window(heard(heard(UP, 10), 3), 10, NOW)[1] == Window(3, 10)


def test_a_lost_connection_forgets_what_was_under_way_but_not_the_position():
    sent, _ = next_window(heard(UP, 4), 10, NOW)
    down = connected(sent, is_connected=False)
    assert (down.index_has, next_window(down, 10, NOW)[1]) == (4, None)
    assert connected(down, is_connected=True).index_has == 0


@given(st.integers(0, 500), st.integers(0, 2000))
def test_every_entry_above_the_position_is_sent_in_order(has, size):
    shipping, sent = heard(UP, min(has, size)), []
    while (step := next_window(shipping, size, NOW))[1] is not None:
        window = step[1]
        sent += range(window.old + 1, window.size + 1)
        shipping = heard(step[0], window.size)
    assert sent == list(range(min(has, size) + 1, size + 1))
