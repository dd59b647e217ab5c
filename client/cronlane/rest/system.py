"""Routes about the server itself: is it up, what is it, what does it offer."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from cronlane.rest.metrics import Requests, metrics
from cronlane.rest.openapi import document
from cronlane.rest.routes import table

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>cronlane</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}
td{{padding:.15rem 1.5rem .15rem 0}}code{{font-family:ui-monospace,monospace}}</style></head>
<body><h1>cronlane {version}</h1>
<p>The LangGraph REST API for threads, runs and crons. In full: <a href="openapi.json">openapi.json</a>.</p>
<table>{rows}</table></body></html>
"""


def system_routes(
    ready: Callable[[], bool], version: str, langgraph_version: str | None, requests: Requests
) -> list[Route]:
    described = document(version)
    page = _PAGE.format(version=html.escape(version), rows=_rows())

    async def up(request: Request) -> Response:
        if request.query_params.get("check_db") in ("1", "true") and not ready():
            raise HTTPException(503, "The database is unavailable", {"retry-after": "1"})
        return JSONResponse({"ok": True, "services": {}})

    async def info(_: Request) -> Response:
        return JSONResponse(_info(version, langgraph_version))

    async def openapi(_: Request) -> Response:
        return JSONResponse(described)

    async def docs(_: Request) -> Response:
        return HTMLResponse(page)

    paths = {"/": up, "/ok": up, "/info": info, "/openapi.json": openapi, "/docs": docs}
    return [Route("/metrics", metrics(version, requests)), *(Route(path, answer) for path, answer in paths.items())]


def _info(version: str, langgraph_version: str | None) -> dict[str, Any]:
    return {
        "version": version,
        "langgraph_py_version": langgraph_version,
        "flags": {"assistants": True, "crons": True, "langsmith": False},
        "host": {
            "kind": "self-hosted",
            "project_id": None,
            "host_revision_id": None,
            "revision_id": None,
            "tenant_id": None,
        },
    }


def _rows() -> str:
    return "".join(
        f"<tr><td><code>{verb}</code></td><td><code>{html.escape(binding.template)}</code></td>"
        f"<td>{binding.method.containing_service.name}.{binding.method.name}</td></tr>"
        for verbs in table().values()
        for verb, binding in verbs.items()
    )
