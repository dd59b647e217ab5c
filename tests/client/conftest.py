from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

import cronlane
from client.serving_stored import serving
from client.stored_service import StoredService


@pytest.fixture
async def service() -> StoredService:
    return StoredService()


@pytest.fixture
async def target(service: StoredService) -> AsyncIterator[str]:
    async with serving(service) as address:
        yield address


@pytest.fixture
async def client(target: str) -> AsyncIterator[cronlane.CronlaneClient]:
    async with cronlane.get_client(target, timeout=20) as client:
        yield client
