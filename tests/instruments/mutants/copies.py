"""Bugs about the second copy: what counts as confirmed, where it is written, who asks for it."""

from tests.instruments.mutants.applying import Mutant, tests

_SECOND = "agent/archive/second.py"
_COPYIST = "agent/copyist.py"
_COPIES = "agent/core/copies.py"
_CLEARING = "agent/core/clearing.py"

COPIES = (
    Mutant(
        "copy-not-read-back",
        _COPYIST,
        "tuple(one.sha256 for one in brought.proven),",
        "tuple(one.sha256 for one in order.objects),",
        "what was ordered counts as confirmed, read back or not",
        tests("agent/test_copyist", "what_the_archive_does_not_give_is_examined_and_said"),
    ),
    Mutant(
        "copy-told-first",
        _COPYIST,
        "        brought = self.desk.second.bring(wanted, self._go_on)\n",
        (
            "        self.desk.deliver(SecondCopied(tuple(sha256 for sha256, _ in wanted)))\n"
            "        brought = self.desk.second.bring(wanted, self._go_on)\n"
        ),
        "a copy is entered before it is on the medium",
        tests("agent/test_copyist", "what_is_reported_is_proven_and_in_its_place"),
    ),
    Mutant(
        "copy-source-not-held-to-its-name",
        _SECOND,
        "        return self._running.hexdigest() == self._sha256",
        "        return True",
        "damage in the archive is copied",
        tests(
            "agent/archive/test_second",
            "a_harmed_object_of_the_archive_is_told_and_never_copied_and_the_next_one_is",
        ),
    ),
    Mutant(
        "copy-on-the-systems-disk",
        _SECOND,
        "        if disk.is_system:",
        "        if False:",
        "a mount that is not there is written to all the same",
        tests(
            "agent/archive/test_second",
            "the_systems_disk_is_refused_though_the_archive_is_on_another",
        ),
    ),
    Mutant(
        "copy-lost-still-counts",
        _COPIES,
        "    size = copies.confirmed.pop(digest, None)\n",
        "    size = copies.confirmed.get(digest)\n",
        "what the second copy lost still opens the gate",
        tests(
            "agent/core/test_station_clearing", "a_copy_that_is_found_damaged_shuts_the_gate_again"
        ),
    ),
    Mutant(
        "gate-ignores-copies",
        _CLEARING,
        "case.around.has_second_copy and case.uncopied > 0",
        "case.around.has_second_copy and case.uncopied < 0",
        "a card is cleared that has no second copy",
        tests("agent/core/test_clearing", "each_reason_alone_bars_the_card"),
    ),
)
