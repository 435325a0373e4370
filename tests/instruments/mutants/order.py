"""Bugs of what comes before what, and of what nobody looks at any more."""

from tests.instruments.mutants.applying import Mutant, tests

_CLEARING = "agent/core/clearing.py"
_CARDS = "agent/mounter/cards.py"
_COMMISSIONING = "agent/archive/commissioning.py"
_COPYING = "agent/copying.py"
_DOCK = "agent/core/dock.py"
_GROUPING = "agent/archive/grouping.py"
_INDEX_STORE = "index/store.py"
_RECORDERS_FOLDER = "agent/recorders/folder.py"
_SCRUBBING = "agent/archive/scrubbing.py"
_SEALING = "agent/archive/sealing.py"
_STORAGE = "agent/core/storage.py"

ORDER = (
    Mutant(
        "late-fsync",
        _GROUPING,
        (
            "        if not self._bring():\n"
            "            return None\n"
            "        outcomes = self._prove(go_on)\n"
        ),
        (
            "        outcomes = self._prove(go_on)\n"
            "        if not self._bring():\n"
            "            return None\n"
        ),
        "a file has its name before it is on the medium",
        tests(
            "agent/archive/test_group",
            "a_group_is_on_the_medium_before_it_is_read_back_and_its_names_before_it_is_reported",
        ),
    ),
    Mutant(
        "named-before-proven",
        _GROUPING,
        (
            "            if wrong is not None:\n"
            "                raise wrong\n"
            "            return self._place(copied, ring)\n"
        ),
        (
            "            placed = self._place(copied, ring)\n"
            "            if wrong is not None:\n"
            "                raise wrong\n"
            "            return placed\n"
        ),
        "what was never proven is among the footage",
        tests(
            "agent/test_copying",
            "a_file_that_reads_back_otherwise_is_named_and_the_others_are_kept",
        ),
    ),
    Mutant(
        "entry-before-seal",
        _COPYING,
        (
            "        try:\n"
            "            outcomes = batch.group.settle(self._watch.go_on)\n"
            "        finally:\n"
            "            batch.group.close()\n"
            "        if outcomes is None:\n"
            "            return False\n"
            "        left = iter(outcomes)\n"
        ),
        (
            "        from agent.archive.grouping import folder_of\n"
            "        from agent.archive.sealing import Sealed\n"
            "        readings = [copied.reading for copied in batch.group._files]\n"
            "        left = iter([Sealed(r.sha256, r.sm3, r.size, folder_of(r.sha256), False)"
            " for r in readings])\n"
            "        self._means.archive.link_views = lambda wanted: [view for view, _ in wanted]\n"
            "        self._report([i if isinstance(i, FileUnreadable) else (i, next(left))"
            " for i in batch.items])\n"
            "        batch.group.settle(self._watch.go_on)\n"
            "        batch.group.close()\n"
            "        return True\n"
            "        left = iter([])\n"
        ),
        "a file is entered that is not sealed yet",
        tests(
            "agent/test_copying",
            "a_file_that_reads_back_otherwise_is_named_and_the_others_are_kept",
        ),
    ),
    Mutant(
        "ended-before-sealed",
        _COPYING,
        "                self._hand_over(settler)\n                self._await()\n",
        "                self._hand_over(settler)\n",
        "the copy ends while its last files are still being sealed",
        tests(
            "agent/test_copying",
            "a_file_that_reads_back_otherwise_is_named_and_the_others_are_kept",
        ),
    ),
    Mutant(
        "marked-after-write",
        _SEALING,
        (
            "        if count := incoming.fill(offset, buffer):\n"
            "            reading.mark(buffer[:count])\n"
            "        return count\n\n"
            "    durable.reserve(part, incoming.size)\n"
            "    ring.pump(fill, partial(durable.write_at, part), reading.hashers())\n"
        ),
        (
            "        return incoming.fill(offset, buffer)\n\n"
            "    def write(offset: int, content: memoryview) -> None:\n"
            "        durable.write_at(part, offset, content)\n"
            "        reading.mark(content)\n\n"
            "    durable.reserve(part, incoming.size)\n"
            "    ring.pump(fill, write, reading.hashers())\n"
        ),
        "memory that changed is compared with itself",
        tests(
            "agent/archive/test_proving",
            "a_bit_that_changes_in_memory_never_parts_a_file_from_its_name",
        ),
    ),
    Mutant(
        "scrub-skips-missing",
        _SCRUBBING,
        (
            "                self._check_disk()\n"
            "                return FootageMissing(*where, one.shown, one.size), 0\n"
        ),
        ("                self._check_disk()\n                return FootageIntact(*where), 0\n"),
        "footage that is gone is called intact",
        tests("agent/test_scrubbing", "footage_that_is_gone_is_copied_anew_and_said_to_be_whole"),
    ),
    Mutant(
        "manifests-by-name",
        _SCRUBBING,
        "            elif self._can_be_judged(one):\n",
        "            elif False:\n",
        "a manifest is looked for, and not at",
        tests(
            "agent/test_scrubbing",
            "manifests_gone_with_their_folder_are_all_missing_and_no_footage_is",
        ),
    ),
    Mutant(
        "orphans-not-counted",
        _CARDS,
        'orphaned_clusters(self.node) if self.file_system == "exfat" else 0',
        "0",
        "a card is cleared over footage that lost its entry",
        tests(
            "agent/mounter/test_orphans",
            "what_lost_its_entry_bars_the_card_though_its_own_check_finds_it_clean",
        ),
    ),
    Mutant(
        "mark-not-compared",
        _COMMISSIONING,
        "    if disk.mark.id != known.id:",
        "    if False:",
        "any disk with a mark passes for the archive",
        tests("agent/test_commissioning", "another_archives_mark_on_the_same_disk_is_refused"),
    ),
    Mutant(
        "low-space-ignored",
        _STORAGE,
        "    if free < stop:\n",
        "    if False:\n",
        "a disk that is nearly full takes more",
        tests("agent/core/test_storage", "disks_are_judged_by_what_was_seen"),
    ),
    Mutant(
        "reserve-ignored",
        _STORAGE,
        "wanted_bytes + self.reserve_bytes <= self.free_bytes",
        "wanted_bytes <= self.free_bytes",
        "a visit fills the disk to its last byte",
        tests("agent/core/test_storage", "a_copy_that_would_reach_into_the_reserve_does_not_begin"),
    ),
    Mutant(
        "card-walked",
        _RECORDERS_FOLDER,
        "            with os.scandir(fd) as entries:",
        "            os.walk(fd)\n            with os.scandir(fd) as entries:",
        "what a card does not list is passed over in silence",
        tests("project/test_shape", "cards_are_never_walked_by_what_hides_errors"),
    ),
    Mutant(
        "listed-once",
        _DOCK,
        "    if not is_same(_listing(dock), event.listing):",
        "    if False:",
        "a visit is complete though the card lists more by now",
        tests(
            "agent/core/test_listing",
            "a_file_that_appeared_is_copied_before_the_visit_is_complete",
        ),
    ),
    Mutant(
        "entered-twice",
        _DOCK,
        "    new = news(dock.known, listing)",
        "    new = news(_listing(dock), listing)",
        "a file that one listing missed is entered again",
        tests(
            "agent/core/test_listing",
            "a_file_that_a_listing_missed_and_the_next_has_again_is_entered_once",
        ),
    ),
    Mutant(
        "intent-after-removing",
        _CLEARING,
        "    return intended, (Enter(intent),)\n",
        (
            "    files = tuple(one.file for one in second.files)\n"
            "    return intended, (ClearCard(seat.dock, seat.visit, files), Enter(intent))\n"
        ),
        "files are removed before the ledger says that they will be",
        tests(
            "agent/core/test_emptying",
            "the_intent_names_the_exact_files_without_the_recorders_marks",
        ),
    ),
    Mutant(
        "not-looked-at-again",
        _CLEARING,
        "    if clearing.looked is None or case.second is None:",
        "    if case.second is None:",
        "files are removed without a last look at whose they are",
        tests(
            "agent/core/test_emptying",
            "no_phase_gives_the_order_to_remove_where_the_gate_is_shut",
        ),
    ),
    Mutant(
        "another-index-faster",
        _INDEX_STORE,
        "list(steps.values())).rowcount != len(steps):",
        "list(steps.values())).rowcount > len(steps):",
        "two indexes write one station's history past each other",
        tests("index/test_store", "a_commit_upon_what_is_not_the_newest_stores_nothing"),
    ),
)
