"""Marks for tests of what only one engine does; all others run on both."""

from __future__ import annotations

import pytest

ON_SQLITE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("url", ["postgresql"], indirect=True)
