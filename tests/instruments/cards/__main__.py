"""`python -m tests.instruments.cards`: random damaged cards at a real dock."""

import sys

from tests.instruments.cards.share import NAME, explore
from tests.instruments.counts import arguments, conclude

if __name__ == "__main__":
    share = arguments(NAME, "seeds", 25)
    sys.exit(conclude(NAME, share, explore(share)))
