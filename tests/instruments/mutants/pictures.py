"""Bugs of the PTP session and its driver: a wrong object read, or removed."""

from tests.instruments.mutants.applying import Mutant, tests

_DRIVER = "agent/recorders/ptp.py"
_LANGUAGE = "agent/families/ptp.py"

PICTURES = (
    Mutant(
        "object-not-looked-at",
        _DRIVER,
        "if found is None or self._session.file(file.path, found[1]) != file:",
        "if found is None:",
        "an object that is no longer what was listed is removed",
        tests("agent/recorders/test_ptp", "what_is_not_as_listed_stays"),
    ),
    Mutant(
        "handles-outlive-a-session",
        _DRIVER,
        "self._objects = self.streaming = None",
        "self.streaming = None",
        "another file is removed than the one that was listed",
        tests(
            "agent/recorders/test_ptp",
            "handles_that_change_with_a_session_are_found_anew_before_a_removal",
        ),
    ),
    Mutant(
        "streams-mixed-up",
        _DRIVER,
        "if session.streaming is not self or self._streamed > self._offset:",
        "if session.streaming is None or self._streamed > self._offset:",
        "one file is given the bytes of another",
        tests("agent/recorders/test_ptp_reading", "two_open_files_do_not_get_each_others_bytes"),
    ),
    Mutant(
        "all-objects-removable",
        _LANGUAGE,
        "if handle in packets.NO_HANDLES:",
        "if handle == 0:",
        "one removal empties the recorder",
        tests("families/test_ptp", "one_object_is_removed_and_all_of_them_never"),
    ),
    Mutant(
        "offset-cut-off",
        _LANGUAGE,
        "low, high = offset & packets.ALL, offset >> 32",
        "low, high = offset & packets.ALL, 0",
        "behind 4 GiB a file begins anew",
        tests("families/test_ptp", "bytes_beyond_four_gib_are_asked_for_with_all_of_their_offset"),
    ),
    Mutant(
        "answer-to-something-else",
        _LANGUAGE,
        "if head.number != number or (head.kind",
        "if (head.kind",
        "the answer to one question is taken for that to another",
        tests("families/test_ptp", "an_answer_that_is_not_one_is_not_believed"),
    ),
)
