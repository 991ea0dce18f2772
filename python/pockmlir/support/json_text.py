"""Parses JSON that may be damaged."""

from __future__ import annotations

import json
from typing import Any

from ..errors import ArgumentError, PockError

__all__ = ["parse_json"]


def parse_json(text: str | bytes, what: str, error: type[PockError] = ArgumentError) -> Any:
    """Parse JSON.

    Args:
        text: the JSON.
        what: the beginning of the error message.
        error: the class of the error.

    Raises:
        PockError: the text is not JSON, is nested too deeply, or has a number that is too long.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as reason:
        # Text that is not UTF-8, and a number with thousands of digits, also raise ValueError.
        raise error(f"{what}: {reason}") from None
