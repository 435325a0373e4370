"""Names made to hurt whatever shows, stores, sends or exports them."""

import random
import unicodedata

BIDI = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
UNSEEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u3164\uffa0\u2028\u2029\U000e0001\ue000"
TERMINAL = tuple(b"\x1b[2J|\x1b]0;taken\x07|\x1b[31m|\x9b31m|\x1bc|\r\x1b[K|\x07".split(b"|"))
MARKUP = (
    b"<script>document.title='taken'<",
    b"<img src=x onerror=alert(1)>",
    b"\"'><svg onload=alert(1)>",
    b"{{ 7*7 }}{% raw %}",
    b"&lt;b&gt;&#x202e;&amp;",
    b"javascript:alert(1)",
    b"]]><!--",
    b"' OR 1=1; DROP TABLE entry;--",
)
FORMULAS = (b"=cmd|' !A0", b"+1+1", b"-1+1", b"@SUM(A1)", b'=HYPERLINK("x")', b"\t=1", b"%s%n{0}")
RESERVED = (
    *rb"CON nul.mp4 AUX. com1 LPT9.txt a. ... ..x -rf --help ~ $(id) `id` * ? a|b a:b C:\x".split(),
    *(b"a ", b" ", b". .", b"\\\\host\\x"),
)
LONG = (
    *(byte * 255 for byte in (b"n", b"\xff", b"\x1b", b"\\")),
    "执".encode() * 85,
    "\u202e".encode() * 85,
)
_INVALID = (b"\x80", b"\xc3", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xc0\xaf")
_WORDS = ("é", "e\u0301", "ﬃ", "İ", "ß", "执法", "😀", "a.mp4", "20260921_101500.mp4")
_PIECES = (
    *(*TERMINAL, *MARKUP, *FORMULAS, *RESERVED, *_INVALID),
    *(b"\n", b"\r\n", b"\t", b"\x7f"),
    *(text.encode() for text in (*BIDI, *UNSEEN, *_WORDS)),
)


def names(count: int = 2_000, seed: int = 28) -> list[bytes]:
    """Return so many names that a file system can hold, each another; the same for a seed."""
    chosen = dict.fromkeys(
        [bytes([byte]) for byte in range(1, 256)]
        + [b"x%c.mp4" % byte for byte in range(1, 256)]
        + [*TERMINAL, *MARKUP, *FORMULAS, *RESERVED, *LONG, *collisions()]
    )
    draw = random.Random(seed)
    while len(chosen) < count + 8:
        pieces = (draw.choice(_PIECES) for _ in range(draw.randint(1, 6)))
        chosen[b"".join(pieces)[:255]] = None
    return [name for name in chosen if is_possible(name)][:count]


def collisions() -> list[bytes]:
    """Return names that differ in case or Unicode form only."""
    words = ("Ä.mp4", "ﬁ.mp4", "Å.mp4", "ẞ.mp4", "İ.mp4", "가.mp4", "A.MP4")
    forms = [unicodedata.normalize(form, word) for word in words for form in ("NFC", "NFD", "NFKC")]
    return [one.encode() for form in forms for one in (form, form.upper(), form.lower())]


def is_possible(name: bytes) -> bool:
    """Tell whether a file system can hold the name."""
    return bool(name) and b"/" not in name and b"\0" not in name and name not in (b".", b"..")


def raw_marks(text: str) -> set[str]:
    """Return what a text holds that a terminal obeys, or that turns or hides what is read."""
    return {char for char in text if char not in "\n\t" and _is_mark(char)}


def _is_mark(char: str) -> bool:
    return char in BIDI or unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}
