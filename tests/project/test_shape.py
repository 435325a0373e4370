"""What every file of the tree must be like."""

import subprocess
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST = 500


def tracked(*patterns: str) -> list[Path]:
    if not (ROOT / ".git").exists():  # a copy of the tree: all that is there
        files = [file for file in ROOT.rglob("*") if file.is_file()]
        return [f for f in files if any(fnmatch(str(f.relative_to(ROOT)), p) for p in patterns)]
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    names = listing.stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def test_no_source_file_is_longer_than_a_person_reads_in_one_go():
    files = [file for file in tracked("*.py") if "vendor" not in file.parts]
    lengths = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in files}
    assert {name: n for name, n in lengths.items() if n > LONGEST} == {}


def test_pages_fetch_nothing_from_outside():
    markup = tracked("*.html", "*.css", "*.jinja")
    outside = [f for f in markup if "http://" in f.read_text() or "https://" in f.read_text()]
    assert outside == []


def test_cards_are_never_walked_by_what_hides_errors():
    # os.walk returned 0 of 9 names, and glob 4 of 9, when a card's folder could not be read.
    hiding = ("os.walk(", "glob.glob(", ".glob(", ".rglob(")
    files = [f for f in tracked("agent/*.py") if any(word in f.read_text() for word in hiding)]
    assert files == []
