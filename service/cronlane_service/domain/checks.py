"""Checks of what callers send, made before anything is written. Each raises InvalidField naming the field."""

from __future__ import annotations

from datetime import timedelta

from cronlane_service.domain import ids, jsontext
from cronlane_service.domain.errors import ContextAndConfigurable, InvalidField
from cronlane_service.domain.models import RunTemplate
from cronlane_service.domain.queries import Window

LIMIT = 1000
_PLACE = {"checkpoint_id", "checkpoint_ns", "checkpoint_map"}
LONGEST_DELAY = timedelta(days=366)


def required(field: str, value: str) -> str:
    if not value:
        raise InvalidField(field, "is required")
    return value


def text(field: str, value: str | None) -> None:
    """What every database can keep as it came."""
    if value is not None and "\0" in value:
        raise InvalidField(field, "must not hold NUL")


def json_object(field: str, text: str | None) -> dict[str, str]:
    """The object's members; of None none."""
    if text is None or text == "{}":
        return {}
    try:
        return jsontext.members(text)
    except ValueError as error:
        raise InvalidField(field, f"must be a JSON object: {error}") from None


def is_json_object(field: str, text: str | None) -> None:
    """The same check, for who does not need the members."""
    if text is None or text == "{}":
        return
    try:
        if jsontext.kind(text) is dict:
            return
    except ValueError:
        pass
    json_object(field, text)  # says what is wrong


def json_value(field: str, text: str | None) -> None:
    if text is not None:
        _kind(field, text)


def object_or_list(field: str, text: str | None) -> None:
    if text is not None and _kind(field, text) not in (dict, list):
        raise InvalidField(field, "must be a JSON object or array")


def _kind(field: str, text: str) -> type:
    try:
        return jsontext.kind(text)
    except ValueError as error:
        raise InvalidField(field, f"must be JSON: {error}") from None


def config(text: str | None) -> dict[str, str]:
    """The members of a config."""
    parts = json_object("config", text)
    json_object("config.configurable", parts.get("configurable"))
    _recursion_limit(parts.get("recursion_limit"))
    tags = jsontext.parse(parts.get("tags", "[]"))
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise InvalidField("config.tags", "must be a list of strings")
    return parts


def template(run: RunTemplate) -> None:
    """Everything a run is made with. Raises ContextAndConfigurable when both were sent."""
    if run.config is None and run.context is None and run.command is None:
        return
    configurable = json_object("config.configurable", config(run.config).get("configurable"))
    json_object("context", run.context)
    if configurable and run.context is not None:
        raise ContextAndConfigurable
    command = json_object("command", run.command)
    if unknown := set(command) - {"resume", "update", "goto"}:
        raise InvalidField(f"command.{min(unknown)}", "is not one of resume, update, goto")


def _recursion_limit(text: str | None) -> None:
    if text is None:
        return
    limit = jsontext.parse(text)
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise InvalidField("config.recursion_limit", "must be a whole number from 1")


def checkpoint(text: str | None, checkpoint_id: str | None) -> str | None:
    """The place to go on from, as configurable members; None: the newest."""
    found = {name: part for name, part in json_object("checkpoint", text).items() if part != "null"}
    if checkpoint_id is not None:
        if "checkpoint_id" in found:
            raise InvalidField("checkpoint_id", "excludes checkpoint.checkpoint_id")
        found["checkpoint_id"] = jsontext.dump(checkpoint_id)
    if "checkpoint_id" not in found:
        return None
    named = jsontext.parse(found["checkpoint_id"])
    ids.parse("checkpoint", named if isinstance(named, str) else "")
    place = {name: part for name, part in found.items() if name in _PLACE}
    if not isinstance(jsontext.parse(place.get("checkpoint_ns", '""')), str):
        raise InvalidField("checkpoint.checkpoint_ns", "must be a string")
    json_object("checkpoint.checkpoint_map", place.get("checkpoint_map"))
    return jsontext.join(place)


def delay(after: timedelta) -> None:
    if after > LONGEST_DELAY:
        raise InvalidField("after_seconds", f"must be at most {LONGEST_DELAY // timedelta(seconds=1)}")


def window(wanted: Window, sorts: tuple[str, ...], smallest: int = 1) -> None:
    if not smallest <= wanted.limit <= LIMIT:
        raise InvalidField("limit", f"must be from {smallest} to {LIMIT}")
    if wanted.offset < 0:
        raise InvalidField("offset", "must be 0 or more")
    if wanted.sort_by not in sorts:
        raise InvalidField("sort_by", f"must be one of {', '.join(sorts)}")
