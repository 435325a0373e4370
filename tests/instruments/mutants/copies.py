"""Bugs about the second copy: what counts as confirmed, where it is written, who asks for it."""

from tests.instruments.mutants.applying import Mutant, power_cut, tests

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
            "        brought = type(brought)((), brought.lacking, brought.error)\n"
        ),
        "a copy is entered before it is read back",
        ("syscalls", "--scenario", "copying", "--kind", "KILL"),
    ),
    Mutant(
        "copy-not-synced",
        _SECOND,
        "    outcomes = group.settle(go_on)\n",
        "    group._cached = False\n    outcomes = group.settle(go_on)\n",
        "a copy's bytes are not brought to the medium, its name is",
        power_cut("copied"),
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
        "gate-counts-what-is-owed",
        _COPIES,
        "bytes.fromhex(sha256) in self.confirmed",
        "bytes.fromhex(sha256) in {**self.confirmed, **self.owed}",
        "a card is cleared before its second copy is entered",
        power_cut("killed-copied"),
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
