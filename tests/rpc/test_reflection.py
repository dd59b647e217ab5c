"""The page of a caller who has no proto files: buf curl, over server reflection."""

from __future__ import annotations

import asyncio
import base64
import json as json_
from pathlib import Path

from google.rpc import error_details_pb2

from cronlane_service.rpc.server import SERVICES

BUF = Path(__file__).parent.parent / "js" / "node_modules" / ".bin" / "buf"


async def buf(*arguments: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        BUF, "curl", "--protocol", "grpc", "--http2-prior-knowledge", *arguments, stdout=-1, stderr=-1
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, out.decode(), err.decode()


async def test_services_are_listed_to_whoever_has_no_protos(port: int) -> None:
    code, out, err = await buf("--list-services", f"http://127.0.0.1:{port}")
    assert code == 0, err
    assert out.split() == sorted([*SERVICES, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"])


async def test_a_cron_can_be_made_by_whoever_has_no_protos(port: int) -> None:
    body = {
        "cron": {
            "assistant_id": "agent",
            "schedule": "27 15 * * *",
            "input": {"value": {"messages": [{"role": "user", "content": "What time is it?"}]}},
            "metadata": {"text": '{"n":1.0}'},
        }
    }
    url = f"http://127.0.0.1:{port}/cronlane.v1.CronService/CreateCron"
    code, out, err = await buf(url, "-d", json_.dumps(body))
    assert code == 0, err
    cron = json_.loads(out)
    assert cron["nextRunDate"] == "2026-11-22T15:27:00Z"
    assert cron["metadata"] == {"text": '{"n":1.0}'}
    assert json_.loads(cron["input"]["text"]) == body["cron"]["input"]["value"]
    health = await buf(f"http://127.0.0.1:{port}/grpc.health.v1.Health/Check", "-d", "{}")
    assert json_.loads(health[1]) == {"status": "SERVING"}


async def test_the_details_of_a_refusal_reach_whoever_has_no_protos(port: int) -> None:
    url = f"http://127.0.0.1:{port}/cronlane.v1.CronService/CreateCron"
    code, _, err = await buf(url, "-d", '{"cron":{"assistant_id":"agent","schedule":"nope"}}')
    assert code != 0
    refusal = json_.loads(err)
    assert refusal["code"] == "invalid_argument"
    kinds = {detail["type"]: base64.b64decode(detail["value"] + "==") for detail in refusal["details"]}
    assert error_details_pb2.ErrorInfo.FromString(kinds["google.rpc.ErrorInfo"]).reason == "INVALID_FIELD"
    bad = error_details_pb2.BadRequest.FromString(kinds["google.rpc.BadRequest"])
    assert [violation.field for violation in bad.field_violations] == ["schedule"]
