"""One call of a webhook over HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import httpx

from cronlane_service.domain import signatures, webhooks
from cronlane_service.domain.clock import Clock
from cronlane_service.domain.webhooks import Hosts, Webhook

TIMEOUT = 10.0
"""Seconds from the first look-up of the name to the answer's status."""


class NotDelivered(Exception):
    """It may be worth another try. ``str()`` says why, without anything of the URL but its host."""


class Refused(Exception):
    """There is no use in trying again: the receiver does not want it, or the host may not be called."""


class Sender:
    """Makes calls, to be used in one loop. Follows no redirects, and asks no proxy."""

    def __init__(self, clock: Clock, hosts: Hosts = Hosts.PRIVATE, secret: str | None = None) -> None:
        self._clock, self._hosts = clock, hosts
        self._key = None if secret is None else signatures.key(secret)
        self._client: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def send(self, webhook: Webhook) -> int:
        """The status of the answer, 200 to 299. Raises NotDelivered, Refused."""
        try:
            async with asyncio.timeout(TIMEOUT):
                status = await self._send(webhook)
        except TimeoutError:
            raise NotDelivered(f"no answer within {TIMEOUT:g} seconds") from None
        except (httpx.HTTPError, OSError) as error:
            raise NotDelivered(f"{type(error).__name__}: {error}") from error
        except (httpx.InvalidURL, UnicodeError) as error:
            raise Refused(f"{type(error).__name__}") from error
        if status >= 500:
            raise NotDelivered(f"answered {status}")
        if not 200 <= status < 300:
            raise Refused(f"answered {status}")
        return status

    async def _send(self, webhook: Webhook) -> int:
        url = httpx.URL(webhook.url)
        addresses = await self._addresses(url)
        for address in addresses[:-1]:
            try:
                return await self._post(webhook, url, address)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue  # the next address may answer
        return await self._post(webhook, url, addresses[-1])

    async def _addresses(self, url: httpx.URL) -> Sequence[str]:
        """Looked up now and checked now: what a name meant when the run was created says nothing."""
        port = url.port or {"http": 80, "https": 443}[url.scheme]
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(url.raw_host.decode("ascii"), port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
        for address in addresses:
            if (problem := webhooks.blocked(address, self._hosts)) is not None:
                raise Refused(f"host blocked: {problem}")
        return addresses

    async def _post(self, webhook: Webhook, url: httpx.URL, address: str) -> int:
        """To that address and no other, under the name that the URL has."""
        client = await self._opened()
        now = self._clock.now()
        body = webhooks.sent(webhook, now)
        headers = {
            "host": url.netloc.decode("ascii").rpartition("@")[2],
            "content-type": "application/json",
            "user-agent": "cronlane",
            **signatures.headers(self._key, webhook.run_id, body, now),
        }
        named = {"sni_hostname": url.raw_host.decode("ascii")} if url.scheme == "https" else {}
        target = url.copy_with(host=address)
        async with client.stream("POST", target, content=body, headers=headers, extensions=named) as answer:
            return answer.status_code

    async def _opened(self) -> httpx.AsyncClient:
        """Not before it is needed: reading the certificates takes its time, and most servers call nobody."""
        async with self._opening:
            if self._client is None:
                trusted = await asyncio.to_thread(httpx.create_ssl_context)
                self._client = httpx.AsyncClient(
                    verify=trusted, trust_env=False, follow_redirects=False, timeout=TIMEOUT
                )
        return self._client
