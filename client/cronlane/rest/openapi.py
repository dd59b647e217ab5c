"""The API's description (OpenAPI 3.1), from the same descriptors as the routes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from cronlane._fields import LEVELS, NULLABLE, Kind, kind, required_field, settable, words
from cronlane._shapes import shape
from cronlane.rest import protocol
from cronlane.rest.replies import (
    REPLIES,
    cancelled,
    count,
    deleted,
    item,
    listed_field,
    listing,
    page,
    subgraphs,
    written,
)
from cronlane.rest.requests import query_fields
from cronlane.rest.routes import Binding, table
from cronlane.rest.streaming import new_run_events, run_events, thread_events
from cronlane.rest.waiting import outcome

Schema = dict[str, Any]

_SCHEMAS: Mapping[Kind, Schema] = {
    Kind.JSON: {},
    Kind.TIME: {"type": "string", "format": "date-time"},
    Kind.SPAN: {"type": "number", "minimum": 0},
    Kind.STRING: {"type": "string"},
    Kind.MAP: {"type": "object", "additionalProperties": {"type": "string"}},
    Kind.BOOLEAN: {"type": "boolean"},
    Kind.INTEGER: {"type": "integer", "format": "int32"},
    Kind.NUMBER: {"type": "number"},
}
_PROBLEMS = {
    "400": "Nothing is to be changed, or fields exclude each other",
    "404": "There is no such thing",
    "409": "It exists already, is busy, or was changed meanwhile",
    "413": "The body is too large",
    "422": "A field is wrong; `detail` names it",
    "429": "Too much is waiting; see `Retry-After`",
    "500": "The service failed",
    "503": "The service is not available; see `Retry-After`",
}
_TTL: Schema = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0},
        {
            "type": "object",
            "properties": {"ttl": {"type": "number"}, "strategy": {"enum": ["delete", "keep_latest"]}},
        },
    ]
}
# Members of a body that are no simple field.
_PLACES: Schema = {"type": "array", "items": {"type": "array", "items": {"type": "string"}}}
_BESIDES: Mapping[str, Schema] = {
    "CreateThread": {"ttl": _TTL},
    "UpdateThread": {"ttl": _TTL},
    "StreamEvents": {"namespaces": _PLACES},
}
_LABELS = {"cronlane.v1.ListNamespacesResponse.namespaces"}  # lists of strings, each
_OBJECTS = {"params", "metadata", "config", "context", "kwargs", "command"}  # user's JSON that is an object


def document(version: str) -> dict[str, Any]:
    components: dict[str, Schema] = {"Error": _object({"detail": {"type": "string"}}, ["detail"])}
    paths: dict[str, dict[str, Any]] = {}
    for verbs in table().values():
        for verb, binding in verbs.items():
            path = re.sub(r"\{[a-z_]+\.", "{", binding.template)
            paths.setdefault(path, {})[verb.lower()] = _operation(binding, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "cronlane", "version": version, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {"schemas": components},
    }


def _operation(binding: Binding, components: dict[str, Schema]) -> dict[str, Any]:
    name = binding.method.name
    operation: dict[str, Any] = {
        "operationId": f"{name}{binding.number or ''}",
        "summary": re.sub(r"(?<!^)([A-Z])", r" \1", name).capitalize(),
        "tags": [f"{binding.method.containing_service.name.removesuffix('Service')}s"],
        "parameters": [*_path_parameters(binding), *_query_parameters(binding)],
        "responses": {**_PROBLEM_RESPONSES, **_success(binding, components)},
    }
    if binding.body:
        operation["requestBody"] = {"required": True, "content": _json_content(_request_schema(binding))}
    return operation


def _path_parameters(binding: Binding) -> list[Schema]:
    names = [path.rpartition(".")[2] for path in binding.variables]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(binding: Binding) -> list[Schema]:
    found = query_fields(binding).items()
    return [
        {"name": "Last-Event-ID", "in": "header", "required": False, "schema": _field_schema(field)}
        if name == "last_event_id"
        else {"name": name, "in": "query", "required": False, "schema": _field_schema(field)}
        for name, field in found
    ]


def _request_schema(binding: Binding) -> Schema:
    owner = binding.method.input_type
    if binding.body == "*":
        return _object_schema(binding, owner)
    field = owner.fields_by_name[binding.body]
    assert field.message_type is not None
    schema = _object_schema(binding, field.message_type)
    return {"type": "array", "items": schema, "minItems": 1} if field.is_repeated else schema


def _object_schema(binding: Binding, target: Descriptor) -> Schema:
    elsewhere = {*binding.unbound, *binding.variables}
    found = {name: field for name, field in settable(target).items() if name not in elsewhere}
    required = [name for name, field in found.items() if required_field(field)] if binding.verb != "PATCH" else []
    besides = _BESIDES.get(binding.method.name, {})
    return _object({name: _sent_schema(field) for name, field in found.items()} | besides, required)


def _sent_schema(field: FieldDescriptor) -> Schema:
    """As it may be sent: a list also as its only element."""
    schema = _field_schema(field)
    if field.is_repeated and kind(field) is not Kind.MAP:
        return {"anyOf": [schema, schema["items"]]}
    return _or_null(schema) if field.full_name in NULLABLE else schema


def _field_schema(field: FieldDescriptor) -> Schema:
    if field.full_name in LEVELS:
        return {"anyOf": [{"type": "boolean"}, {"type": "integer", "minimum": 1, "maximum": 100}]}
    one = _one_schema(field)
    return {"type": "array", "items": one} if field.is_repeated and kind(field) is not Kind.MAP else one


def _one_schema(field: FieldDescriptor) -> Schema:
    if kind(field) is Kind.WORD and field.enum_type is not None:
        return {"type": "string", "enum": list(words(field.enum_type))}
    if field.full_name in _LABELS:
        return {"type": "array", "items": {"type": "string"}}
    if kind(field) is Kind.OBJECT and field.message_type is not None:
        return _reply_schema(field.message_type)
    return {"type": "object"} if field.name in _OBJECTS else dict(_SCHEMAS[kind(field)])


def _success(binding: Binding, components: dict[str, Schema]) -> dict[str, Any]:
    reply, output = REPLIES.get(binding.method.name), binding.method.output_type
    if reply is deleted:
        return {"204": {"description": "Deleted"}}
    if reply is item:
        found = _component(output, components)
        return _ok(_or_null(found))
    if reply is written:
        return {"204": {"description": "Written"}}
    if reply is cancelled:
        return {"202": {"description": "Will be cancelled"}, "200": {"description": "Has ended"}}
    if reply is count:
        return _ok({"type": "integer"})
    if reply is protocol.command:
        envelope = _ok({"description": "An envelope: `type` (`success` or `error`), `id`, and `result` or `error`"})
        return {**envelope, "400": {**envelope["200"], "description": "There is no `id` or no `method`"}}
    if reply in (new_run_events, run_events, thread_events, protocol.events):
        return {"200": {"description": "Server-sent events", "content": {"text/event-stream": {"schema": {}}}}}
    if reply is outcome:
        return _ok({"description": "The final values; `__interrupt__` or `__error__` beside or instead of them"})
    if reply in (page, listing, subgraphs):
        listed = listed_field(binding.method).message_type
        assert listed is not None
        component = _component(listed, components)
        by_name = {"type": "object", "additionalProperties": component}
        return _ok(by_name if reply is subgraphs else {"type": "array", "items": component})
    return _ok(_component(output, components))


def _component(message: Descriptor, components: dict[str, Schema]) -> Schema:
    components.setdefault(message.name, _reply_schema(message))
    return {"$ref": f"#/components/schemas/{message.name}"}


def _reply_schema(message: Descriptor) -> Schema:
    fields = {field.name: field for field in message.fields}
    return _object(
        {name: _answered_schema(fields[name]) if name in fields else {} for name in shape(message)}, required=[]
    )


def _answered_schema(field: FieldDescriptor) -> Schema:
    """As it is answered: absent is null."""
    return _field_schema(field) if field.is_repeated else _or_null(_field_schema(field))


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]} if schema else schema


def _object(properties: Mapping[str, Schema], required: list[str]) -> Schema:
    return {"type": "object", "properties": dict(properties), "required": required}


def _json_content(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _ok(schema: Schema) -> Schema:
    return {"200": {"description": "OK", "content": _json_content(schema)}}


_PROBLEM_RESPONSES = {
    status: {"description": text, "content": _json_content({"$ref": "#/components/schemas/Error"})}
    for status, text in _PROBLEMS.items()
}
