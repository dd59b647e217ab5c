"""Finds the object that a graph's ``./file.py:name`` or ``module:name`` stands for."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

from cronlane_service.runner.config import GraphsFile, GraphsFileError, GraphSource


@contextmanager
def blaming(file: GraphsFile, source: GraphSource, problem: str) -> Iterator[None]:
    """Turns whatever the user's code raises into a GraphsFileError."""
    try:
        yield
    except GraphsFileError:
        raise
    except (Exception, SystemExit) as raised:
        text = f"{problem}: {type(raised).__name__}: {raised}"
        raise GraphsFileError(file.path, source.key, text) from raised


def resolve(file: GraphsFile, source: GraphSource) -> object:
    """Imports what the source names. Raises GraphsFileError."""
    place, _, name = source.target.rpartition(":")
    with blaming(file, source, f"{place} cannot be imported"):
        found: object = _import(file, source, place)
        for part in name.split("."):
            if not hasattr(found, part):
                raise GraphsFileError(file.path, source.key, f"{place} has no '{name}'")
            found = getattr(found, part)
    return found


def _import(file: GraphsFile, source: GraphSource, place: str) -> ModuleType:
    if not (place.endswith(".py") or "/" in place):
        return importlib.import_module(place)
    path = (file.path.parent / place).resolve()
    if not path.is_file():
        raise GraphsFileError(file.path, source.key, f"there is no file {path}")
    for name in _importable_names(path, file.folders):
        return importlib.import_module(name)
    return _import_file(path, file.path.parent)


def _importable_names(path: Path, folders: Sequence[Path]) -> Iterator[str]:
    """The dotted names by which the file is imported anyway, so that it is not loaded a second time."""
    for folder in folders:
        if not path.is_relative_to(folder):
            continue
        parts = path.relative_to(folder).with_suffix("").parts
        name = ".".join(parts)
        if not all(part.isidentifier() for part in parts):
            continue
        with suppress(ModuleNotFoundError):  # another module goes by the name of one of its folders
            spec = importlib.util.find_spec(name)
            if spec is not None and spec.origin is not None and Path(spec.origin).resolve() == path:
                yield name


def _import_file(path: Path, folder: Path) -> ModuleType:
    # Checkpoints name the classes in them by module: the name must be the same after a restart.
    place = path.relative_to(folder) if path.is_relative_to(folder) else path
    name = f"cronlane_graph_{hashlib.sha256(place.as_posix().encode()).hexdigest()[:12]}"
    loaded = sys.modules.get(name)
    if loaded is not None and loaded.__file__ == str(path):
        return loaded
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
