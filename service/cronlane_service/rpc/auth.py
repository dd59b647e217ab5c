"""Who is calling."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from google.protobuf.message import Message

if TYPE_CHECKING:
    import grpc.aio

Context: TypeAlias = "grpc.aio.ServicerContext[Message, Message]"

NOBODY = ""
"""The owner of everything while no authentication is set up."""


def owner(context: Context) -> str:
    """Whose rows the caller sees and makes."""
    return NOBODY
