"""What an assistant is configured with: ``config``, ``context``, and what of one is the other."""

from __future__ import annotations

from cronlane_service.domain import checks, jsontext
from cronlane_service.domain.errors import ContextAndConfigurable


def mirrored(config: str | None, context: str | None, before: str = "{}") -> tuple[str | None, str | None]:
    """``config`` and ``context`` as they are to be stored; None stays as it is.

    What was sent of ``config.configurable`` and ``context`` becomes the other as well; ``before`` is the config so far.
    Raises InvalidField, and ContextAndConfigurable when both have members.
    """
    sent = checks.config(config)
    configurable = sent.get("configurable", "{}")
    has_configurable, has_context = bool(jsontext.members(configurable)), bool(checks.json_object("context", context))
    if has_configurable and has_context:
        raise ContextAndConfigurable
    if has_configurable:
        return config, configurable
    if context is None:
        return config, None
    parts = jsontext.members(before) if config is None else sent
    rest = {name: text for name, text in parts.items() if name != "configurable"}
    return jsontext.join(rest | {"configurable": context} if has_context else rest), context
