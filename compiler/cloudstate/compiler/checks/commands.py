"""Commands: which entity each is for, what shape it has, and what it may do."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.model.entity import CommandEffect, Model
from cloudstate.compiler.model.schema import Field, FieldKind, RpcDeclaration
from cloudstate.compiler.model.spec import EntitySpec, Spec

_NO_KEYS = {FieldKind.MESSAGE, FieldKind.FLOAT}


def check(spec: Spec) -> Iterator[Diagnostic]:
    """What is wrong with the commands of each entity."""
    for entity in spec.entities:
        if not entity.service.value.rpcs:
            found = codes.NO_COMMANDS.at(entity.service.span, name=entity.service.value.full_name)
            yield found.also(entity.service.value.span, "declared here").help("add an rpc, or remove the entity")
        for rpc in entity.service.value.rpcs:
            yield from _keys(entity, rpc)
            yield from _shape(entity, rpc)
        for command in entity.commands:
            effect = command.effect
            if effect is not None and effect.value is CommandEffect.READ and command.emits:
                found = codes.READ_EMITS.at(effect.span, "it only reads", name=command.rpc.value.name)
                found = found.also(command.emits[0].span, "but emits")
                yield found.help("make the effect `write`, or leave `emits` out")


def _keys(entity: EntitySpec, rpc: RpcDeclaration) -> Iterator[Diagnostic]:
    for field in rpc.keys:
        kind = _not_a_key(field)
        if kind:
            found = codes.BAD_KEY_TYPE.at(field.span, f"{kind}", name=f"{rpc.input.type.full_name}.{field.name}")
            yield found.help("mark a field that holds text or a whole number")
    if entity.model.value is not Model.ACTION and not rpc.keys:
        label = f"no field of its input `{rpc.input.type.full_name}` is an entity key"
        found = codes.COMMAND_WITHOUT_KEY.at(rpc.span, label, name=rpc.name)
        if rpc.input.type.file.generated and rpc.input.fields:
            found = found.also(rpc.input.fields[0].span, "this one, perhaps?")
        yield found.help('import "cloudstate/entity_key.proto" and mark the field: `[(cloudstate.entity_key) = true]`')


def _not_a_key(field: Field) -> str:
    if field.is_map:
        return "a map"
    if field.is_repeated:
        return "a repeated field"
    return f"a {field.kind}" if field.kind in _NO_KEYS else ""


def _shape(entity: EntitySpec, rpc: RpcDeclaration) -> Iterator[Diagnostic]:
    model = entity.model.value
    if model is Model.ACTION or rpc.is_unary or (model is Model.CRDT and not rpc.client_streaming):
        return
    found = codes.STREAMED_COMMAND.at(rpc.span, f"the model of `{entity.name}` is `{model}`", name=rpc.name)
    yield found.help("remove `stream`, or move the rpc to a service with the model `action`")
