"""A cron's JSON: ``payload``, the request as it was sent, which the platform shows beside the typed fields."""

from __future__ import annotations

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from cronlane import _json
from cronlane._decode import Members, assign, decode
from cronlane._encode import field_text, writer
from cronlane._fields import settable
from cronlane.errors import InvalidRequest
from cronlane.v1.common_pb2 import Json
from cronlane.v1.crons_pb2 import Cron

_FIELDS = settable(Cron.DESCRIPTOR)
# What the service fills in for a field that was not sent. One that was sent so is remembered in `extra`.
_DEFAULTS = {"enabled": "true", "on_run_completed": '"delete"', "metadata": "{}"}
# What writes a field, and the texts of it that `payload` does not show.
_WRITERS = {name: (writer(field), {"null", "[]", _DEFAULTS.get(name)}) for name, field in _FIELDS.items()}
_OPTIONAL = frozenset(name for name, field in _FIELDS.items() if field.has_presence and not field.is_repeated)
# Fields of which null in an update says that there is none any more.
CLEARED = frozenset(
    {
        *("end_time", "start_time", "max_runs", "jitter", "dst_policy", "catch_up_window", "pause_after_failures"),
        "note",
    }
)
_NEVER_UPDATED = frozenset({"assistant_id", "multitask_strategy"})


def cron_to_create(text: str) -> Cron:
    """The cron that a request's JSON object describes; what its typed fields cannot give back is in ``extra``."""
    cron = Cron()
    found = decode(text, cron)
    _keep(cron, {**found.left, **_respelled(cron, found)})
    return cron


def cron_to_update(text: str) -> tuple[Cron, list[str]]:
    """The new values and the names of the fields to change; null clears `CLEARED`. Unknown members are dropped."""
    cron = Cron()
    found = decode(text, cron, ignore=_NEVER_UPDATED, clears=CLEARED)
    respelled = {name: member for name, member in _respelled(cron, found).items() if member != "null"}
    _keep(cron, respelled)
    return cron, [*found.taken, *(["extra"] if respelled else [])]


def _keep(cron: Cron, extra: dict[str, str]) -> None:
    if extra:
        cron.extra.CopyFrom(Json(text=_json.join(extra)))


def _respelled(cron: Cron, found: Members) -> dict[str, str]:
    """The members that ``payload`` would not show as they were written."""
    shown = {name: _shown(cron, _FIELDS[name]) for name in found.taken}
    return {
        name: member
        for name, member in found.taken.items()
        if (text := shown[name]) is None or not _json.same(text, member)
    }


def _shown(cron: Cron, field: FieldDescriptor) -> str | None:
    """The field in ``payload``; None when there is nothing to show."""
    write, hidden = _WRITERS[field.name]
    text = write(cron)
    return None if text in hidden else text


def payload_text(cron: Cron) -> str:
    """The request as it was sent, with the assistant's UUID and ``config.configurable.cron_id``."""
    extra = _extra(cron)
    if extra:
        shown = {name: _spelled(cron, field, extra) for name, field in _FIELDS.items()}
    else:
        shown = {name: _shown(cron, field) for name, field in _FIELDS.items() if _may_show(cron, name)}
    spelled = {name: text for name, text in shown.items() if text is not None}
    spelled["config"] = _config_text(cron, spelled.get("config", "{}"))
    return _json.join(spelled | {name: text for name, text in extra.items() if name not in _FIELDS})


def _may_show(cron: Message, name: str) -> bool:
    return name not in _OPTIONAL or cron.HasField(name)


def _extra(cron: Cron) -> dict[str, str]:
    text = cron.extra.text
    return {} if text in ("", "{}") else _json.members(text)


def end_time_text(cron: Cron) -> str:
    """As it was sent."""
    extra = _extra(cron)
    return _spelled(cron, _FIELDS["end_time"], extra) or "null"


def _spelled(cron: Cron, field: FieldDescriptor, extra: dict[str, str]) -> str | None:
    """The spelling that was sent, as long as it still says what the field says; else the field's own."""
    if field.name in extra:
        sent = Cron()
        try:
            assign(sent, field, extra[field.name])
        except InvalidRequest:  # a gRPC client may put anything into `extra`
            return _shown(cron, field)
        if field_text(sent, field) == field_text(cron, field):
            return extra[field.name]
    return _shown(cron, field)


def _config_text(cron: Cron, config: str) -> str:
    parts = {} if config == "{}" else _json.members(config)
    configurable = _json.members(parts.get("configurable", "{}"))
    configurable["cron_id"] = _json.dump(cron.cron_id)
    return _json.join(parts | {"configurable": _json.join(configurable)})
