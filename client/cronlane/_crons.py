"""A cron's JSON: ``payload``, the request as it was sent, which the platform shows beside the typed fields."""

from __future__ import annotations

from google.protobuf.descriptor import FieldDescriptor

from cronlane import _json
from cronlane._decode import Members, assign, decode
from cronlane._encode import Values, field_text, value_text, values, written
from cronlane._fields import settable
from cronlane.errors import InvalidRequest
from cronlane.v1.common_pb2 import Json
from cronlane.v1.crons_pb2 import Cron

_FIELDS = settable(Cron.DESCRIPTOR)
# What the service fills in for a field that was not sent. One that was sent so is remembered in `extra`.
_DEFAULTS = {"enabled": "true", "on_run_completed": '"delete"', "metadata": "{}"}
# The texts that `payload` does not show.
_HIDDEN = {name: {"null", "[]", _DEFAULTS.get(name)} for name in _FIELDS}
# By name: the field, what writes its value, its text without one, and what is not shown.
_SPELLED = {name: (field, *written(field), _HIDDEN[name]) for name, field in _FIELDS.items()}
# By field: how its member begins, what writes the rest of it, and what of that is not shown.
_SHOWN = {
    field: (f"{_json.quoted(name)}:", written(field).write, _HIDDEN[name])
    for name, field in _FIELDS.items()
    if name != "config"
}
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
    has = values(cron)
    respelled = {}
    for name, member in found.taken.items():
        field, write, blank, hidden = _SPELLED[name]
        text = write(has[field]) if field in has else blank
        if text in hidden or (text != member and not _json.same(text, member)):
            respelled[name] = member
    return respelled


def _shown(has: Values, field: FieldDescriptor) -> str | None:
    """The field in ``payload``; None when there is nothing to show."""
    text = value_text(has, field)
    return None if text in _HIDDEN[field.name] else text


def payload_text(cron: Cron) -> str:
    """The request as it was sent, with the assistant's UUID and ``config.configurable.cron_id``."""
    extra = _extra(cron)
    if not extra and not cron.HasField("config"):
        return _plain_payload(cron)
    has = values(cron)
    shown = {name: _spelled(has, field, extra) for name, field in _FIELDS.items()}
    spelled = {name: text for name, text in shown.items() if text is not None}
    spelled["config"] = _config_text(cron, spelled.get("config", "{}"))
    return _json.join(spelled | {name: text for name, text in extra.items() if name not in _FIELDS})


def _plain_payload(cron: Cron) -> str:
    """Of a cron that all fields say everything about, as most are."""
    texts = []
    for field, value in cron.ListFields():
        if (member := _SHOWN.get(field)) is not None:
            begin, write, hidden = member
            text = write(value)
            if text not in hidden:
                texts.append(begin + text)
    texts.append(f'"config":{{"configurable":{{"cron_id":{_json.quoted(cron.cron_id)}}}}}')
    return "{" + ",".join(texts) + "}"


def _extra(cron: Cron) -> dict[str, str]:
    text = cron.extra.text
    return {} if text in ("", "{}") else _json.members(text)


def end_time_text(cron: Cron) -> str:
    """As it was sent."""
    if not cron.HasField("end_time"):
        return "null"
    return _spelled(values(cron), _FIELDS["end_time"], _extra(cron)) or "null"


def _spelled(has: Values, field: FieldDescriptor, extra: dict[str, str]) -> str | None:
    """The spelling that was sent, as long as it still says what the field says; else the field's own."""
    if field.name in extra:
        sent = Cron()
        try:
            assign(sent, field, extra[field.name])
        except InvalidRequest:  # a gRPC client may put anything into `extra`
            return _shown(has, field)
        if field_text(sent, field) == value_text(has, field):
            return extra[field.name]
    return _shown(has, field)


def _config_text(cron: Cron, config: str) -> str:
    parts = {} if config == "{}" else _json.members(config)
    configurable = _json.members(parts.get("configurable", "{}"))
    configurable["cron_id"] = _json.dump(cron.cron_id)
    return _json.join(parts | {"configurable": _json.join(configurable)})
