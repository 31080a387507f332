"""Problems as a GitLab code quality report, which a merge request shows beside the lines they are about."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gitrel.errors import Problem, UsageError
from gitrel.telemetry.masking import MASKER
from gitrel.telemetry.text import clean

REPORT_FILE = "gl-code-quality-report.json"
_SEVERITY = {"error": "critical", "warning": "minor"}


def report_of(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """One entry a problem. A fingerprint stays the same when lines above the problem come or go."""
    seen: Counter[str] = Counter()
    entries = []
    for problem in problems:
        same = f"{problem.file}\0{problem.what}"
        seen[same] += 1
        text = f"{problem.what}: {problem.todo}" if problem.todo else problem.what
        entries.append(
            {
                "description": clean(MASKER.text(text)),
                "check_name": f"gitrel-{problem.severity}",
                "fingerprint": hashlib.sha256(f"{same}\0{seen[same]}".encode(errors="replace")).hexdigest(),
                "severity": _SEVERITY[problem.severity],
                "location": {
                    "path": clean(problem.file.partition(" -> ")[0]),
                    "lines": {"begin": max(problem.line, 1)},
                },
            }
        )
    return entries


def write_report(path: Path, problems: Sequence[Problem]) -> None:
    """Raises UsageError where the file cannot be written: somebody waits for it."""
    try:
        path.write_text(json.dumps(report_of(problems), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--report {path}: {error.strerror}") from error
