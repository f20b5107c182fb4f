"""From a compiled service to the author's objects: import, instantiate, and say clearly what does not fit."""

from __future__ import annotations

import importlib
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from cloudstate.runtime.authoring import Action, CrdtEntity, EventSourcedEntity, ValueEntity
from cloudstate.runtime.description import EntityDescription, ServiceDescription
from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.function.action import EmbeddedAction
from cloudstate.runtime.function.caller import Caller
from cloudstate.runtime.function.crdt import EmbeddedCrdt
from cloudstate.runtime.function.event_sourced import EmbeddedEventSourced
from cloudstate.runtime.function.port import ActionFunction, EntityFunction
from cloudstate.runtime.function.value import EmbeddedValue

_Made: TypeAlias = EmbeddedEventSourced | EmbeddedValue | EmbeddedCrdt | EmbeddedAction


@dataclass(frozen=True, slots=True)
class Functions:
    """The author's code, ready to be hosted."""

    entities: tuple[EntityFunction, ...]
    actions: tuple[ActionFunction, ...]
    crdts: tuple[EmbeddedCrdt, ...] = ()
    callers: tuple[Caller, ...] = ()


def load_functions(description: ServiceDescription, generated: Path, code: Path) -> Functions:
    """Import and instantiate the class of every entity of the service.

    Args:
        generated: the compiled service's directory, a source root for its Python modules.
        code: the directory of the spec, where the author's modules are.

    Raises:
        ServiceInvalid: a module or class is missing, cannot be made, or was generated from another spec.
    """
    for root in (str(code.resolve()), str(generated.resolve())):
        if root not in sys.path:
            sys.path.insert(0, root)
    entities: list[EntityFunction] = []
    actions: list[ActionFunction] = []
    crdts: list[EmbeddedCrdt] = []
    callers: list[Caller] = []
    for entity in description.entities:
        made = _function(entity, _instance(entity, code))
        callers.append(made.caller)
        if isinstance(made, EmbeddedAction):
            actions.append(made)
        elif isinstance(made, EmbeddedCrdt):
            crdts.append(made)
        else:
            entities.append(made)
    return Functions(tuple(entities), tuple(actions), tuple(crdts), tuple(callers))


def _function(entity: EntityDescription, instance: Any) -> _Made:
    made: _Made
    if isinstance(instance, EventSourcedEntity):
        made = EmbeddedEventSourced(instance)
    elif isinstance(instance, ValueEntity):
        made = EmbeddedValue(instance)
    elif isinstance(instance, CrdtEntity):
        made = EmbeddedCrdt(instance)
    elif isinstance(instance, Action):
        made = EmbeddedAction(instance)
    else:
        raise ServiceInvalid(
            f"`{entity.implementation}` is not an entity",
            help=f"derive it from the generated base class of `{entity.service}`",
        )
    if made.service != entity.service:
        raise ServiceInvalid(
            f"`{entity.implementation}` implements `{made.service}`, the spec wants `{entity.service}`",
            help="derive it from the generated base class of that service, or mend `class:` in the spec",
        )
    missing = {command.name for command in entity.commands} - set(made.endpoints)
    if missing:
        raise ServiceInvalid(
            f"the generated code of `{entity.service}` does not know {_names(missing)}",
            help="it is older than the compiled service: run `cloudstate compile`",
        )
    return made


def _instance(entity: EntityDescription, code: Path) -> Any:
    module_name, _, class_name = entity.implementation.rpartition(".")
    module = _module(module_name, entity, code)
    cls = getattr(module, class_name, None)
    if not isinstance(cls, type):
        raise ServiceInvalid(
            f"module `{module_name}` has no class `{class_name}`, which the spec names for `{entity.service}`",
            help=f"write `class {class_name}` there, or mend `class:` in the spec",
        )
    abstract = sorted(getattr(cls, "__abstractmethods__", ()))
    if abstract:
        raise ServiceInvalid(
            f"`{entity.implementation}` does not implement {_names(abstract)}",
            help="write these methods; their signatures are in the generated base class",
        )
    try:
        return cls()
    except Exception as error:
        raise ServiceInvalid(
            f"`{entity.implementation}()` failed{_where(error, code)}: {type(error).__name__}: {error}",
            help="the runtime makes one object of the class at start, without arguments",
        ) from error


def _module(name: str, entity: EntityDescription, code: Path) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):  # it, or a package that it is in
            raise ServiceInvalid(
                f"there is no module `{name}` in {code}, which the spec names for `{entity.service}`",
                help=f"write {name.replace('.', '/')}.py, or mend `class:` in the spec",
            ) from error
        raise _import_failed(name, error, code) from error
    except Exception as error:
        raise _import_failed(name, error, code) from error


def _import_failed(name: str, error: Exception, code: Path) -> ServiceInvalid:
    return ServiceInvalid(
        f"module `{name}` cannot be imported{_where(error, code)}: {type(error).__name__}: {error}",
        help="mend it; `cloudstate compile` brings generated code up to date",
    )


def _where(error: Exception, code: Path) -> str:
    """File and line of the author's code that the error came from, if it came from there."""
    if isinstance(error, SyntaxError):
        return f" (at {error.filename}:{error.lineno})"
    root = code.resolve()
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(root)]
    return f" (at {frames[-1].filename}:{frames[-1].lineno})" if frames else ""


def _names(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
