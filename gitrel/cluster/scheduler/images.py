"""Names of images as nodes and pods write them, brought to one form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def normalized(image: str) -> str:
    """An image without tag or digest means `:latest` (`plugins/imagelocality` normalizedImageName)."""
    return image if image.rfind(":") > image.rfind("/") else f"{image}:latest"


def sizes_of(node: Mapping[str, Any]) -> Mapping[str, int]:
    """Image name → bytes, for every name of every image the node reports."""
    return {
        normalized(name): row.get("sizeBytes") or 0
        for row in (node.get("status") or {}).get("images") or ()
        for name in row.get("names") or ()
    }
