"""What Prometheus reads."""

from __future__ import annotations

import re

import httpx

_SAMPLE = re.compile(r'([a-z_]+)(\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})? ([0-9.e+-]+)')


async def read(http: httpx.AsyncClient) -> dict[str, float]:
    answer = await http.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples, described = {}, set()
    for line in answer.text.splitlines():
        if line.startswith("# TYPE "):
            described.add(line.split()[2])
        elif not line.startswith("#"):
            found = _SAMPLE.fullmatch(line)
            assert found, line
            assert found[1] in described
            samples[f"{found[1]}{found[2] or ''}"] = float(found[3])
    return samples


async def test_answers_are_counted_by_method_and_status(http: httpx.AsyncClient) -> None:
    before = await read(http)
    assert not any(name.startswith("cronlane_http_requests_total") for name in before)
    for method, path in (("GET", "/ok"), ("GET", "/nowhere"), ("PROPFIND", "/ok"), ("POST", "/threads/search")):
        await http.request(method, path)
    after = {name: value for name, value in (await read(http)).items() if "http_requests" in name}
    assert after == {
        'cronlane_http_requests_total{method="GET",status="200"}': 2,
        'cronlane_http_requests_total{method="GET",status="404"}': 1,
        'cronlane_http_requests_total{method="POST",status="422"}': 1,
        'cronlane_http_requests_total{method="other",status="405"}': 1,
    }


async def test_the_process_tells_what_it_uses(http: httpx.AsyncClient) -> None:
    found = await read(http)
    assert found['cronlane_info{version="1.2.3"}'] == 1
    assert found["process_resident_memory_bytes"] > 10_000_000
    assert found["process_open_fds"] >= 3
    assert found["process_cpu_seconds_total"] > 0
    assert (await http.head("/metrics")).status_code == 200
