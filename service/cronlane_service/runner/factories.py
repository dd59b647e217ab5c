"""Functions of the user's that make a graph anew for each use, and what they are told of it."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack
from enum import StrEnum
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph_sdk.runtime import ServerRuntime

_CONFIG, _RUNTIME = "config", "runtime"
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_NAMES_OF_RUNTIME = ("ServerRuntime", "_ExecutionRuntime", "_ReadRuntime")


class Access(StrEnum):
    """Why a graph is wanted, in the platform's words."""

    RUN = "threads.create_run"
    UPDATE = "threads.update"
    READ = "threads.read"
    DESCRIBE = "assistants.read"


@dataclasses.dataclass(frozen=True, slots=True)
class Use:
    """What a graph is opened for: ``context`` is that of a run, ``store`` LangGraph's BaseStore of the owner."""

    access: Access
    config: RunnableConfig
    store: Any = None
    context: Mapping[str, Any] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Factory:
    """A function that makes a graph, sync or async, or as a context manager."""

    make: Callable[..., Any]
    parameters: Mapping[str, str]
    """What those that it takes stand for."""
    signature: inspect.Signature

    @classmethod
    def of(cls, make: Callable[..., Any]) -> Factory:
        """Raises TypeError when it takes what nobody has."""
        signature = _signature(make)
        meant = {name: _meaning(each) for name, each in signature.parameters.items()}
        parameters = {name: meaning for name, meaning in meant.items() if meaning is not None}
        open_ones = [name for name in _required(signature) if name not in parameters]
        if len(open_ones) == 1 and _CONFIG not in parameters.values():
            parameters[open_ones.pop()] = _CONFIG
        if open_ones or len(set(parameters.values())) < len(parameters):
            taken = ", ".join(_required(signature))
            raise TypeError(f"takes {taken}; a factory takes the config, the ServerRuntime, both or nothing")
        return cls(make, parameters, signature)

    async def enter(self, use: Use, stack: AsyncExitStack) -> object:
        """What it makes; the stack takes the context managers."""
        bound = self.signature.bind_partial()
        for name, meaning in self.parameters.items():
            bound.arguments[name] = _config(use) if meaning == _CONFIG else self._runtime(name, use)
        # In a thread, because a plain function may take its time.
        made = await asyncio.to_thread(self.make, *bound.args, **bound.kwargs)
        if inspect.isawaitable(made):
            made = await made
        if isinstance(made, AbstractAsyncContextManager):
            return await stack.enter_async_context(made)
        return stack.enter_context(made) if isinstance(made, AbstractContextManager) else made

    def _runtime(self, name: str, use: Use) -> ServerRuntime[Any]:
        from langgraph_sdk.runtime import _ExecutionRuntime, _ReadRuntime

        given: Any = {"access_context": use.access.value, "store": use.store}
        if use.access is not Access.RUN:
            return _ReadRuntime(**given)
        schema = _context_class(self.signature.parameters[name].annotation)
        return _ExecutionRuntime(**given, context=typed(schema, use.context))


def typed(schema: Any, given: Mapping[str, Any] | None) -> Any:
    """The context as that class, which need not know all of it: configurable keys are mirrored there."""
    if given is None:
        return None
    if dataclasses.is_dataclass(schema) and isinstance(schema, type):
        return schema(**known(schema, given))
    return schema(**given) if hasattr(schema, "model_validate") else dict(given)


def known(schema: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """What of it a dataclass takes."""
    names = {field.name for field in dataclasses.fields(schema) if field.init}
    return {name: value for name, value in given.items() if name in names}


def is_runtime(annotation: object) -> bool:
    """Whether it is ServerRuntime, with a context's class or without, or may be."""
    if isinstance(annotation, str):  # imported for type checkers only
        return any(name in annotation for name in _NAMES_OF_RUNTIME)
    origin = get_origin(annotation)
    if origin is None:
        return getattr(annotation, "__name__", "") in _NAMES_OF_RUNTIME
    return is_runtime(origin) or any(is_runtime(each) for each in get_args(annotation))


def _context_class(annotation: object) -> Any:
    """The Ctx of ServerRuntime[Ctx]."""
    arguments = get_args(annotation)
    if not arguments or is_runtime(get_origin(annotation)):
        return next(iter(arguments), None)
    return next((found for each in arguments if (found := _context_class(each)) is not None), None)


def _signature(make: Callable[..., Any]) -> inspect.Signature:
    signature = inspect.signature(make)
    module = sys.modules.get(getattr(inspect.unwrap(make), "__module__", ""))
    names = {} if module is None else vars(module)
    parameters = signature.parameters.values()
    return signature.replace(parameters=[each.replace(annotation=_told(each.annotation, names)) for each in parameters])


def _told(annotation: object, names: dict[str, Any]) -> object:
    """What a text stands for; itself when that is there for type checkers only."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return get_type_hints(SimpleNamespace(__annotations__={"it": annotation}), names)["it"]
    except (NameError, AttributeError, TypeError, SyntaxError):
        return annotation


def _meaning(parameter: inspect.Parameter) -> str | None:
    if parameter.kind in _VARIADIC:
        return None
    if is_runtime(parameter.annotation):
        return _RUNTIME
    if parameter.name in (_CONFIG, _RUNTIME):
        return parameter.name
    named = getattr(parameter.annotation, "__name__", parameter.annotation)
    return _CONFIG if named == "RunnableConfig" else None


def _required(signature: inspect.Signature) -> list[str]:
    parameters = signature.parameters.items()
    return [name for name, each in parameters if each.default is each.empty and each.kind not in _VARIADIC]


def _config(use: Use) -> RunnableConfig:
    """As the platform gives it: factories look there whether they are to build what only a run needs."""
    told = {"__is_for_execution__": use.access is Access.RUN}
    return {**use.config, "configurable": {**use.config.get("configurable", {}), **told}}
