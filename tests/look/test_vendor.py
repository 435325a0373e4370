"""Vendored files are the ones whose sums are written beside them."""

import hashlib
import re

from look import folder

ROW = re.compile(r"^\| (\S+) \|.*\| ([0-9a-f]{64}) \|$", re.MULTILINE)


def test_every_vendored_file_is_listed_with_its_true_sum():
    vendor = folder() / "vendor"
    listed = dict(ROW.findall((vendor / "README.md").read_text(encoding="utf-8")))
    files = [path for path in vendor.iterdir() if path.name != "README.md"]
    assert {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files} == listed
