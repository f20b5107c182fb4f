"""Names become what they name: services, messages, commands. Every name that means nothing is a finding."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from cloudstate.compiler.diagnostics import Diagnostic, closest, closest_name, codes
from cloudstate.compiler.frontend.declaration import CommandDeclaration, EntityDeclaration, UpcasterDeclaration
from cloudstate.compiler.model.entity import CommandEffect, Model
from cloudstate.compiler.model.schema import MessageDeclaration, Schema, ServiceDeclaration
from cloudstate.compiler.model.spec import CommandSpec, EntitySpec, UpcasterSpec
from cloudstate.compiler.source import Located


class Resolver:
    """Looks names up in a schema and collects findings about those that are not there."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._own_messages = [name for name, message in schema.messages.items() if message.type.file.generated]
        self._findings: list[Diagnostic] = []

    @property
    def findings(self) -> tuple[Diagnostic, ...]:
        """What was found so far."""
        return tuple(self._findings)

    def full_names(self, entities: Iterable[EntityDeclaration]) -> tuple[EntityDeclaration, ...]:
        """The entities with the full names of their services, states and events; unknown names are left out."""
        return tuple(named for entity in entities if (named := self._full_names(entity)) is not None)

    def entities(self, entities: Iterable[EntityDeclaration]) -> tuple[EntitySpec, ...]:
        """The entities whose names are full ones already, as far as their model is known."""
        return tuple(spec for entity in entities if (spec := self._entity(entity)) is not None)

    def _full_names(self, entity: EntityDeclaration) -> EntityDeclaration | None:
        service = self._name(entity.service, "service", self._schema.services, self._schema.services, "")
        values = dict(entity.values)
        state = values.pop("state", None)
        if state is not None and (named := self._message(state, entity.scope)) is not None:
            values["state"] = named
        events = tuple(name for event in entity.events if (name := self._message(event, entity.scope)) is not None)
        upcasters = tuple(self._upcasters(entity))
        if service is None:
            return None
        return replace(entity, service=service, values=values, events=events, upcasters=upcasters)

    def _upcasters(self, entity: EntityDeclaration) -> Iterator[UpcasterDeclaration]:
        """Those that lead to a known message. What they come from may be known to stored data only."""
        for upcaster in entity.upcasters:
            written = upcaster.source.value.removeprefix(".")
            known = [written] if written in self._schema.messages else _ending_with(written, self._own_messages)
            source = Located(known[0] if len(known) == 1 else written, upcaster.source.span)
            target = self._message(upcaster.target, entity.scope)
            if target is not None:
                yield UpcasterDeclaration(source, target)

    def _message(self, name: Located[str], scope: str) -> Located[str] | None:
        return self._name(name, "message", self._schema.messages, self._own_messages, scope)

    def _name(
        self, name: Located[str], kind: str, known: Collection[str], own: Collection[str], scope: str
    ) -> Located[str] | None:
        """The full name, or None and a finding. Short names are those of own protos only."""
        written = name.value.removeprefix(".")
        relative = f"{scope}.{written}" if scope else written
        for candidate in (written, relative):
            if candidate in known:
                return Located(candidate, name.span)
        matching = _ending_with(written, own)
        if len(matching) == 1:
            return Located(matching[0], name.span)
        self._findings.append(_ambiguous(name, kind, matching) if matching else self._unknown(name, kind, own))
        return None

    def _unknown(self, name: Located[str], kind: str, own: Collection[str]) -> Diagnostic:
        code = codes.UNKNOWN_SERVICE if kind == "service" else codes.UNKNOWN_MESSAGE
        found = code.at(name.span, f"no {kind} of this name in the protos", name=name.value)
        found = found.did_you_mean(closest_name(name.value, own), name.span)
        return found if found.helps else found.help(_known(own) if kind == "service" else "list its .proto file")

    def _entity(self, entity: EntityDeclaration) -> EntitySpec | None:
        service = self._schema.services[entity.service.value]
        values = entity.values
        events = tuple(Located(self._schema.messages[event.value], event.span) for event in entity.events)
        found = [self._command(service, command, events, entity) for command in entity.commands.values()]
        model = values.get("model")
        if model is None:
            if "model" not in entity.attempted:
                missing = codes.MISSING_KEY.at(entity.service.span, "the entity of this service", key="model")
                self._findings.append(missing.help("say here, or in the .proto file, how the entity keeps its state"))
            return None
        state = values.get("state")
        return EntitySpec(
            service=Located(service, entity.service.span),
            model=Located(Model(model.value), model.span),
            given=entity.given,
            attempted=entity.attempted,
            type=values.get("type"),
            implementation=values.get("class"),
            crdt=values.get("crdt"),
            state=Located(self._schema.messages[state.value], state.span) if state else None,
            events=events,
            snapshot_every=values.get("snapshot"),
            passivation_ms=values.get("passivation"),
            idempotency_window=values.get("idempotency"),
            commands=tuple(command for command in found if command is not None),
            upcasters=tuple(
                UpcasterSpec(
                    source=upcaster.source,
                    declared=self._schema.messages.get(upcaster.source.value),
                    target=Located(self._schema.messages[upcaster.target.value], upcaster.target.span),
                )
                for upcaster in entity.upcasters
            ),
        )

    def _command(
        self,
        service: ServiceDeclaration,
        command: CommandDeclaration,
        events: Collection[Located[MessageDeclaration]],
        entity: EntityDeclaration,
    ) -> CommandSpec | None:
        emits = [self._event(name, events, entity) for name in command.emits]
        rpc = service.rpc(command.name.value)
        if rpc is None:
            names = [known.name for known in service.rpcs]
            label = f"not an rpc of `{service.full_name}`"
            found = codes.UNKNOWN_COMMAND.at(command.name.span, label, name=command.name.value)
            found = found.did_you_mean(closest(command.name.value, names), command.name.span)
            self._findings.append(found if found.helps else found.help(_known(names)))
            return None
        return CommandSpec(
            rpc=Located(rpc, command.name.span),
            effect=Located(CommandEffect(command.effect.value), command.effect.span) if command.effect else None,
            emits=tuple(event for event in emits if event is not None),
        )

    def _event(
        self, name: Located[str], events: Collection[Located[MessageDeclaration]], entity: EntityDeclaration
    ) -> Located[MessageDeclaration] | None:
        known = {event.value.type.full_name: event.value for event in events}
        relative = f"{entity.scope}.{name.value}"
        matching = [full for full in (name.value, relative) if full in known] or _ending_with(name.value, known)
        if len(matching) == 1:
            return Located(known[matching[0]], name.span)
        if matching:
            self._findings.append(_ambiguous(name, "event", matching))
        elif known:  # An entity without known events has a finding of its own.
            found = codes.UNDECLARED_EVENT.at(name.span, "not among its `events`", name=name.value)
            found = found.did_you_mean(closest_name(name.value, known), name.span)
            self._findings.append(found if found.helps else found.help("add it to the `events` of the entity"))
        return None


def _ending_with(name: str, known: Iterable[str]) -> list[str]:
    return sorted(full for full in known if full.endswith(f".{name}") or full == name)


def _ambiguous(name: Located[str], kind: str, matching: Iterable[str]) -> Diagnostic:
    found = codes.AMBIGUOUS_NAME.at(name.span, name=name.value, kind=kind)
    return found.help(f"write the full name: {', '.join(f'`{full}`' for full in matching)}")


def _known(names: Iterable[str]) -> str:
    listed = ", ".join(f"`{name}`" for name in sorted(names))
    return f"known here: {listed}" if listed else "list the .proto file that declares it"
