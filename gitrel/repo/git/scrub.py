"""What Git and a remote say, made fit to show: no credential, no control character, no endless text.

Pure. Every text that comes out of a Git process or names a remote passes through here before it can reach
a message, a log or a commit.
"""

from __future__ import annotations

import re

LENGTH_MAX = 4000
"""Characters of one message; the end of what Git says matters least."""

# In `scheme://user:password@host` everything before the `@` may be a secret, the user name included
# (tokens travel as user names on several hosts). `git@host:path` has no password and stays readable.
_USERINFO = re.compile(r"(?<=://)[^\s/@]+(?:@[^\s/@]+)*@")
_HEADER = re.compile(r"(?i)\b((?:proxy-)?authorization|private-token|job-token|cookie)(\s*[:=]\s*)[^\r\n]+")
_QUERY = re.compile(
    r"(?i)([?&;](?:access_token|private_token|token|password|secret|sig|signature|key)=)[^&\s'\"]+"
)
_TOKEN = re.compile(r"\b(?:gh[pousr]_|github_pat_|glpat-|xox[abp]-)[A-Za-z0-9_-]{8,}")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def scrub(text: str) -> str:
    """`text` without credentials, with control and direction characters shown escaped."""
    text = text[: 4 * LENGTH_MAX]
    text = _USERINFO.sub("***@", text)
    text = _HEADER.sub(r"\1\2***", text)
    text = _QUERY.sub(r"\1***", text)
    text = _TOKEN.sub("***", text)
    text = _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text.replace("\r\n", "\n"))
    return text if len(text) <= LENGTH_MAX else text[: LENGTH_MAX - 1] + "…"
