"""Text from Git and from clusters made fit for a terminal: nothing in it can move the cursor or lie.

Control characters start escape sequences, and the bidirectional controls of Unicode make a line read
differently from what it says. Both are replaced by what they are, visibly.
"""

from __future__ import annotations

import re

# C0, DEL, C1; line and paragraph separators; bidirectional and other invisible formatting; surrogates.
# Kept: the joiners U+200C and U+200D, without which some scripts and emoji fall apart.
UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def clean(text: str, keep: str = "") -> str:
    """`text` with every unsafe character written as its escape, except those in `keep`."""
    return UNSAFE.sub(lambda match: match[0] if match[0] in keep else escape(match[0]), text)


def escape(character: str) -> str:
    r"""`\n`, `\t`, `\x1b`, `\u202e`: the way that a programmer would write it."""
    short = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
    code = ord(character)
    wide = rf"\x{code:02x}" if code < 0x100 else rf"\u{code:04x}"
    return short.get(character) or (rf"\U{code:08x}" if code > 0xFFFF else wide)
