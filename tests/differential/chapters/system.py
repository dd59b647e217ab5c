"""What belongs to no resource: signs of life, unknown paths, wrong methods, browsers."""

from __future__ import annotations

from differential.recording import Api

BROWSER = {"origin": "https://example.com"}
PREFLIGHT = BROWSER | {
    "access-control-request-method": "POST",
    "access-control-request-headers": "x-api-key,content-type",
    "access-control-request-private-network": "true",
}


def system(api: Api) -> None:
    for path in (
        "/",
        "/ok",
        "/ok?check_db=1",
        "/info",
        "/nowhere",
        "/threads/a/b/c/d",
        "/docs",
        "/openapi.json",
        "/metrics",
    ):
        api.http(f"GET {path}", "GET", path)
    for method, path in (
        *(
            ("HEAD", "/ok"),
            ("HEAD", "/info"),
            ("HEAD", "/nowhere"),
            ("POST", "/ok"),
            ("PUT", "/threads"),
            ("GET", "/runs/crons"),
        ),
        *(("GET", "/assistants"), ("GET", "/threads"), ("DELETE", "/threads"), ("PATCH", "/threads/search")),
        *(("GET", "/threads/search"), ("POST", "/threads/"), ("OPTIONS", "/threads"), ("GET", "/ok/")),
    ):
        api.http(f"{method} {path}", method, path, follow_redirects=False)
    api.http("OPTIONS of a browser", "OPTIONS", "/threads", headers=PREFLIGHT)
    api.http("GET of a browser", "GET", "/ok", headers=BROWSER)
    api.http(
        "POST of a browser",
        "POST",
        "/threads/search",
        json={"ids": ["00000000-0000-7000-8000-000000000000"]},
        headers=BROWSER,
    )
    api.http("GET with a key", "GET", "/info", headers={"x-api-key": "any"})
