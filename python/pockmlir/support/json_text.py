"""Reads JSON that somebody may have damaged."""

from __future__ import annotations

import json
from typing import Any

from ..errors import ArgumentError, PockError

__all__ = ["parse_json"]


def parse_json(text: str | bytes, what: str, error: type[PockError] = ArgumentError) -> Any:
    """Parse JSON.

    Args:
        text: the JSON.
        what: begins the message.
        error: class of the error.

    Raises:
        PockError: it is none, is nested too deeply, or has a number that is too long.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as reason:
        # ValueError is also what text that is not UTF-8 and a number of thousands of digits give.
        raise error(f"{what}: {reason}") from None
