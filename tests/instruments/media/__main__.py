"""`python -m tests.instruments.media [--seed N] [--files N] [--seconds N]`."""

import sys
import tempfile
from contextlib import closing
from pathlib import Path

from tests.instruments.counts import Share, arguments, conclude, say
from tests.instruments.media.media import Examination, is_parsed, mutants
from tests.support.footage import make_every_kind

FILES = 5_000


def run(share: Share) -> int:
    """Look at mutants until the share is done; return the exit code."""
    done = parsed = 0
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="media-") as scratch:
        folder = Path(scratch)
        (folder / "whole").mkdir()
        make_every_kind(folder / "whole")
        originals = [path.read_bytes() for path in sorted((folder / "whole").iterdir())]
        with closing(Examination(folder)) as examination:
            for kind, raw in mutants(originals, share.seed, str(examination.canary.path)):
                if share.is_done(done):
                    break
                before = len(examination.violations)
                examination.look(kind, raw)
                done += 1
                parsed += is_parsed(raw)
                if len(examination.violations) > before:
                    _keep(share, done, raw, examination.violations[before:])
    counts = {"files": done, "parsed": parsed, **examination.counts}
    return conclude("media", share, {**counts, "violations": len(examination.violations)})


def _keep(share: Share, number: int, raw: bytes, violations: list[str]) -> None:
    place = Path(tempfile.gettempdir()) / f"mutant-{share.seed}-{number}"
    place.write_bytes(raw)
    for violation in violations:
        say(f"{violation}: {place}")
    say(f"python -m tests.instruments.media --seed {share.seed} --files {number}")


if __name__ == "__main__":
    sys.exit(run(arguments("media", "files", FILES)))
