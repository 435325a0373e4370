"""Bugs of recorders that are asked and switched: one taken for another, or waited for in vain."""

from tests.instruments.mutants.applying import Mutant, tests

_COMMANDED = "agent/recorders/commanded.py"
_DEVICE = "agent/core/device.py"
_SWITCHING = "agent/core/switching.py"
_WORKER = "agent/worker.py"

ASKING = (
    Mutant(
        "any-disk-will-do",
        _SWITCHING,
        "    if found not in (None, recorder):",
        "    if False:",
        "another recorder's card is imported as the footage of the one that was asked",
        tests("agent/core/test_switching", "a_disk_of_another_recorder_ends_the_visit"),
    ),
    Mutant(
        "waited-for-ever",
        _SWITCHING,
        "not 0 <= away <= dock.switch_seconds",
        "away < 0",
        "a dock waits for ever for a recorder that was pulled out while it was switched",
        tests("agent/core/test_station_switching", "one_that_never_comes_back_is_given_up_in_time"),
    ),
    Mutant(
        "switched-before-it-is-said",
        _WORKER,
        (
            "        self._report(SwitchBegun(order.visit))"
            "  # it may be gone before `switch` returns\n"
            "        asked.switch()\n"
        ),
        "        asked.switch()\n        self._report(SwitchBegun(order.visit))\n",
        "a recorder that was switched counts as pulled out",
        tests("agent/test_switching", "the_station_knows_before_the_recorder_may_leave"),
    ),
    Mutant(
        "anything-is-asked",
        _DEVICE,
        "        if profile.language and _is_telling(profile)\n",
        "        if profile.language\n",
        "commands are sent to devices that nothing is known of",
        tests("agent/core/test_device", "nothing_is_sent_to_what_no_profile_tells"),
    ),
    Mutant(
        "probed-for-ever",
        _COMMANDED,
        "        if left <= 0:\n",
        "        if False:\n",
        "a recorder that answers slowly keeps its dock waiting",
        tests("agent/recorders/test_commanded", "a_fact_that_takes_for_ever_is_unknown"),
    ),
)
