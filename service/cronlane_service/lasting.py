"""What a server imports lasts as long as it does: garbage is not looked for among it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_MANY = 5_000
"""Objects: the calls and runs under way have some thousand, which come and go and are no garbage."""


@contextmanager
def lasting() -> Iterator[None]:
    """What is made inside is taken to stay. Neither is it gone through again and again while more is made, which is a
    tenth of a start, nor in every collection later, which is a fifth of a small run.

    From then on garbage is looked for only when there are many objects more.
    """
    gc.disable()
    try:
        yield
    finally:
        keep()
        gc.set_threshold(_MANY)
        gc.enable()


def keep() -> None:
    """What is there now is taken to stay."""
    gc.freeze()
