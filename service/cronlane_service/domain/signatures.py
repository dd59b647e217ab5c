"""Signatures of webhooks, as the Standard Webhooks specification has them (version 1, symmetric)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime

_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64


def key(secret: str) -> bytes:
    """The bytes of a secret, which is base64, with or without ``whsec_`` before it. Raises ValueError."""
    try:
        found = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64") from None
    if not _SHORTEST <= len(found) <= _LONGEST:
        raise ValueError(f"must be of {_SHORTEST} to {_LONGEST} bytes")
    return found


def headers(secret: bytes | None, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """``webhook-id`` and ``webhook-timestamp``, and with a secret ``webhook-signature``."""
    stamp = str(int(now.timestamp()))
    found = {"webhook-id": message_id, "webhook-timestamp": stamp}
    if secret is not None:
        signed = hmac.digest(secret, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256)
        found["webhook-signature"] = f"v1,{base64.b64encode(signed).decode()}"
    return found
