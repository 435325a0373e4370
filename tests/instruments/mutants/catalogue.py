"""The bugs: what each breaks, and which part of the suite must notice.

A text that is no longer in its file, or there more than once, fails the instrument: give the bug
its new place, or take it out together with what it was about.
"""

from tests.instruments.mutants.archive import ARCHIVE, CARD
from tests.instruments.mutants.asking import ASKING
from tests.instruments.mutants.copies import COPIES
from tests.instruments.mutants.history import LEDGER
from tests.instruments.mutants.medium import MEDIUM
from tests.instruments.mutants.office import CLEARING, OFFICE
from tests.instruments.mutants.order import ORDER
from tests.instruments.mutants.pictures import PICTURES

MUTANTS = (
    *MEDIUM, *ARCHIVE, *CARD, *LEDGER, *OFFICE, *CLEARING, *COPIES, *PICTURES, *ASKING, *ORDER,
)  # fmt: skip
# What every test run takes: the order of the seal whole, of the others each seventh; the soak and
# `python -m tests.instruments.mutants` take all.
SHARE = (*ORDER, *MUTANTS[: -len(ORDER) : 7])
