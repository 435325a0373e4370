"""What is sent to the index next."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.shipping import (
    FIRST_AHEAD_ENTRIES,
    PATIENCE,
    PROMPT,
    SLOW,
    WINDOW_ENTRIES,
    Shipping,
    Window,
    connected,
    heard,
    next_window,
    under_way,
)
from contracts.batch import MAX_AHEAD_ENTRIES
from tests.support.made_up import NOW

UP = heard(connected(Shipping(), is_connected=True), 0)
MANY = 10**6


def send(shipping, size=MANY, now=NOW):
    """Return the shipping after all windows that may be sent, and these windows."""
    windows = []
    while (step := next_window(shipping, size, now))[1] is not None:
        windows.append(step[1])
        shipping = under_way(step[0], step[1], now)
    return step[0], windows


def answered(shipping, took, now=NOW):
    """Return the shipping after the index took its time for all that is under way."""
    return next_window(heard(shipping, shipping.sent), shipping.sent, now + took)[0]


def eager():
    """Return the shipping of a station whose index has always answered at once."""
    shipping = UP
    for _ in range(5):
        shipping = answered(send(shipping)[0], PROMPT / 2)
    return shipping


def test_nothing_is_sent_before_the_index_has_spoken():
    silent = connected(Shipping(), is_connected=True)
    assert next_window(silent, 10, NOW) == (silent, None)
    assert next_window(Shipping(), 10, NOW)[1] is None


def test_a_window_begins_where_the_index_ends():
    assert next_window(heard(UP, 4), 10, NOW)[1] == Window(4, 10)


def test_the_first_window_is_small():
    assert send(UP)[1] == [Window(0, FIRST_AHEAD_ENTRIES)]


def test_as_long_as_the_index_answers_at_once_more_is_sent_up_to_a_limit():
    shipping = eager()
    windows = send(shipping)[1]
    assert windows[0] == Window(shipping.sent, shipping.sent + WINDOW_ENTRIES)
    assert windows[-1].size - windows[0].old == MAX_AHEAD_ENTRIES


def test_a_slow_index_is_sent_less_but_never_less_than_at_first():
    slow = answered(send(eager())[0], SLOW)
    assert slow.ahead == MAX_AHEAD_ENTRIES // 2
    for _ in range(9):
        slow = answered(send(slow)[0], SLOW)
    assert slow.ahead == FIRST_AHEAD_ENTRIES


@pytest.mark.parametrize("took", [PROMPT, SLOW - timedelta(seconds=1), -timedelta(hours=1)])
def test_an_answer_neither_prompt_nor_slow_changes_nothing(took):
    assert answered(send(UP)[0], took).ahead == FIRST_AHEAD_ENTRIES


def test_a_window_that_could_still_grow_waits_for_what_is_under_way():
    sent, _ = send(UP, 10)
    assert next_window(sent, 20, NOW)[1] is None
    assert next_window(heard(sent, 10), 20, NOW)[1] == Window(10, 20)


def test_an_answer_for_the_first_of_several_windows_lets_one_more_go():
    sent, windows = send(eager())
    more = send(heard(sent, windows[0].size))[1]
    assert more == [Window(windows[-1].size, windows[-1].size + WINDOW_ENTRIES)]


def test_after_as_many_bytes_as_may_be_under_way_nothing_is_sent_before_an_answer():
    shipping, window = next_window(eager(), MANY, NOW)
    short = Window(window.old, window.old + 32)
    full = under_way(shipping, short, NOW, is_full=True)
    assert next_window(full, MANY, NOW)[1] is None
    assert next_window(heard(full, short.size), MANY, NOW)[1].old == short.size


def test_what_is_without_an_answer_is_sent_again_and_less_of_it():
    sent, windows = send(eager())
    again = send(sent, now=NOW + PATIENCE)[1]
    assert again == [Window(windows[0].old, windows[0].old + FIRST_AHEAD_ENTRIES)]


def test_progress_renews_the_patience():
    sent, windows = send(eager())
    sent = next_window(heard(sent, windows[0].size), windows[-1].size, NOW + PATIENCE)[0]
    assert next_window(sent, windows[-1].size, NOW + PATIENCE * 1.5)[1] is None


def test_a_clock_set_back_does_not_hold_a_window_up():
    sent, windows = send(UP)
    assert send(sent, now=NOW - PATIENCE)[1] == windows


def test_the_same_position_again_asks_for_what_follows():
    sent, windows = send(heard(UP, 4), 10)
    assert send(heard(sent, 4), 10)[1] == windows


def test_the_same_position_of_a_slow_index_is_no_reason_to_send_all_again():
    sent, _ = send(heard(UP, 4), 10)
    late = NOW + PROMPT
    assert send(heard(sent, 4), 10, late)[1] == []
    assert send(send(heard(sent, 4), 10, late)[0], 10, NOW + PATIENCE)[1] == [Window(4, 10)]


def test_an_index_that_has_everything_is_sent_nothing():
    assert next_window(heard(UP, 10), 10, NOW)[1] is None


def test_an_index_restored_from_a_backup_is_sent_what_it_lost():
    assert next_window(heard(heard(UP, 10), 3), 10, NOW)[1] == Window(3, 10)


def test_a_lost_connection_forgets_what_was_under_way_but_not_the_position():
    sent, _ = send(heard(UP, 4), 10)
    down = connected(sent, is_connected=False)
    assert (down.index_has, next_window(down, 10, NOW)[1]) == (4, None)
    assert connected(down, is_connected=True).index_has == 0


@given(st.integers(0, 500), st.integers(0, 9000), st.lists(st.integers(0, 2000), max_size=30))
def test_every_entry_above_the_position_is_sent_in_order(has, size, answers):
    shipping, sent, now = heard(UP, min(has, size)), [], NOW
    for answer in (*answers, *[MAX_AHEAD_ENTRIES] * 50):
        shipping, windows = send(shipping, size, now)
        sent += [number for w in windows for number in range(w.old + 1, w.size + 1)]
        assert shipping.sent - shipping.index_has <= MAX_AHEAD_ENTRIES
        if answer:
            shipping = heard(shipping, min(shipping.index_has + answer, shipping.sent))
        now += PROMPT / 2
        if shipping.index_has == size:
            break
    assert sorted(set(sent)) == list(range(min(has, size) + 1, size + 1))
