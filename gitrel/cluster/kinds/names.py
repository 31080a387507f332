"""How things may be called, as errors of the API server; the rules themselves are in `kube/names.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitrel.cluster.api.errors import FieldError, invalid_value
from gitrel.kube.names import NameRule, label_value_problems, name_problems, qualified_name_problems

__all__ = ["NameRule", "label_errors", "name_problems", "qualified_name_problems"]


def label_errors(labels: Mapping[str, Any] | None, field: str) -> Iterator[FieldError]:
    for key, value in (labels or {}).items():
        for problem in qualified_name_problems(key):
            yield invalid_value(field, key, problem)
        for problem in label_value_problems(value or ""):
            yield invalid_value(field, value, problem)
