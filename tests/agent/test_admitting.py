"""The doorkeeper: each device judged, let in or shut out, and none waits for another."""

import queue
import threading
from dataclasses import replace
from pathlib import Path

from agent.admitting import Doorkeeper
from agent.core.recorder import Device
from contracts.errors import MountError

PLUG = Device("usb-0:5", "other", Path("/dev/bus/usb/001/002"), "x")
SECONDS = 60


def keeper(verdict, done):
    return Doorkeeper(
        lambda plug: verdict,
        lambda name: done.put(("admit", name)),
        lambda name: done.put(("shut_out", name)),
    )


def test_a_recorder_is_let_in_and_not_shown_before():
    done = queue.SimpleQueue()
    assert not keeper("admit", done).keep(PLUG, "2-5", is_in=False)
    assert done.get(timeout=SECONDS) == ("admit", "2-5")


def test_what_is_in_and_may_be_is_shown_and_left_alone():
    done = queue.SimpleQueue()
    assert keeper("admit", done).keep(PLUG, "2-5", is_in=True) == PLUG
    assert done.empty()


def test_what_came_in_before_anybody_judged_is_shut_out_and_shown():
    done = queue.SimpleQueue()
    assert keeper("shut_out", done).keep(PLUG, "2-5", is_in=True)
    assert done.get(timeout=SECONDS) == ("shut_out", "2-5")


def test_what_is_kept_out_stays_out_and_is_shown():
    done = queue.SimpleQueue()
    for verdict in ("shut_out", "leave"):
        assert keeper(verdict, done).keep(PLUG, "2-5", is_in=False)
    assert keeper("leave", done).keep(PLUG, "2-5", is_in=True)
    assert done.empty()


def test_a_device_that_hangs_is_asked_once_and_holds_up_no_other():
    hanging, done = threading.Event(), queue.SimpleQueue()

    def admit(name):
        done.put(name)
        if name == "2-5":
            assert hanging.wait(SECONDS)

    door = Doorkeeper(lambda plug: "admit", admit, admit)
    door.keep(PLUG, "2-5", is_in=False)
    assert done.get(timeout=SECONDS) == "2-5"
    door.keep(PLUG, "2-5", is_in=False)
    door.keep(PLUG, "2-6", is_in=False)
    assert done.get(timeout=SECONDS) == "2-6"
    hanging.set()


def test_one_that_was_refused_is_shown_as_barred_and_asked_for_again():
    done, refuses = queue.SimpleQueue(), [True]

    def admit(name):
        done.put(threading.current_thread())
        if refuses[0]:
            raise MountError(reason="no dock")

    door = Doorkeeper(lambda plug: "admit", admit, admit)

    def look(plug):
        shown = door.keep(plug, "2-5", is_in=False)
        done.get(timeout=SECONDS).join(SECONDS)
        return shown

    barred = replace(PLUG, is_barred=True)
    another = replace(PLUG, usb=Path("/dev/bus/usb/001/003"))
    assert [look(PLUG), look(PLUG), look(another)] == [None, barred, None]
    refuses[0] = False
    assert [look(another), look(another)] == [replace(another, is_barred=True), None]
    assert done.empty()
