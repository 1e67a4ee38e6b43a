"""One byte string for one content, so that a hash can stand for it."""

from __future__ import annotations

import hashlib
import json

from kzcal.errors import DatabaseError


def canonical_json(value: object, what: str) -> bytes:
    """The value as JSON with sorted keys and no spaces, UTF-8.

    Args:
        value: mappings with text keys, lists, text, finite numbers, booleans and None.
        what: what to call the value in an error.

    Raises:
        DatabaseError: JSON cannot hold the value.
    """
    try:
        text = json.dumps(
            value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
        return text.encode()
    except (TypeError, ValueError) as error:
        message = f"{what} must be what JSON can hold, got {value!r}: {error}"
        raise DatabaseError(message) from error


def sha256(content: bytes) -> str:
    """SHA-256 as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
