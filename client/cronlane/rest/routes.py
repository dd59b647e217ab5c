"""The routes, as the protos declare them with ``google.api.http``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor import MethodDescriptor

from cronlane.v1 import assistants_pb2, crons_pb2, graphs_pb2, runs_pb2, store_pb2, thread_protocol_pb2, threads_pb2

_FILES = tuple(
    file.DESCRIPTOR
    for file in (assistants_pb2, graphs_pb2, threads_pb2, thread_protocol_pb2, runs_pb2, crons_pb2, store_pb2)
)
_VARIABLE = re.compile(r"\{([a-z_.]+)\}")


@dataclass(frozen=True, slots=True)
class Binding:
    """One method under one verb and path.

    ``body`` is ``""``, ``"*"`` or a field of the request. ``variables`` are the fields that the path names, with dots
    into the body's field. ``unbound`` are fields that the path names in another binding of the method, so nothing else
    fills them in this one. ``number`` counts the method's bindings from 0.
    """

    method: MethodDescriptor
    verb: str
    template: str
    body: str
    variables: tuple[str, ...]
    unbound: frozenset[str]
    number: int


def table() -> Mapping[str, Mapping[str, Binding]]:
    """Verbs and bindings by path, fixed segments before variable ones; variables are called v0, v1, …"""
    found: dict[str, dict[str, Binding]] = {}
    for file in _FILES:
        for service in file.services_by_name.values():
            for method in service.methods:
                for binding in _bindings(method):
                    found.setdefault(_path(binding.template), {})[binding.verb] = binding
    return {path: found[path] for path in sorted(found, key=_precedence)}


def _bindings(method: MethodDescriptor) -> Iterator[Binding]:
    first = method.GetOptions().Extensions[annotations_pb2.http]
    rules = [first, *first.additional_bindings]
    named = [tuple(_VARIABLE.findall(_template(rule))) for rule in rules]
    for number, (rule, own) in enumerate(zip(rules, named, strict=True)):
        verb = rule.WhichOneof("pattern").upper()
        yield Binding(method, verb, _template(rule), rule.body, own, frozenset({*chain(*named)} - {*own}), number)


def _template(rule: http_pb2.HttpRule) -> str:
    return str(getattr(rule, rule.WhichOneof("pattern")))


def _path(template: str) -> str:
    names = iter(range(template.count("{")))
    return _VARIABLE.sub(lambda _: f"{{v{next(names)}}}", template)


def _precedence(path: str) -> list[tuple[bool, str]]:
    return [(segment.startswith("{"), segment) for segment in path.split("/")]
