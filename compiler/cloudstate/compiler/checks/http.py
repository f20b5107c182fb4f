"""``google.api.http`` rules: what the front door would refuse to start with."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstate.compiler.checks.http_template import NotATemplate, Template, parse
from cloudstate.compiler.diagnostics import Diagnostic, closest, codes
from cloudstate.compiler.model.schema import Field, FieldKind, HttpRule, MessageDeclaration, RpcDeclaration
from cloudstate.compiler.model.spec import Spec
from cloudstate.compiler.source import Span

_ANY_METHOD = "*"
_WHOLE = "*"
_NOT_IN_PATHS = {FieldKind.MESSAGE: "a message", FieldKind.ENUM: "an enum"}


def check(spec: Spec) -> Iterator[Diagnostic]:
    """What is wrong with the rules of all rpcs that are served."""
    first: dict[tuple[str, str], Span] = {}
    for entity in spec.entities:
        for rpc in entity.service.value.rpcs:
            if rpc.http is None:
                continue
            yield from _main_rule(rpc, rpc.http)
            for rule in (rpc.http, *rpc.http.additional):
                yield from _rule(rpc, rule, first)


def _main_rule(rpc: RpcDeclaration, rule: HttpRule) -> Iterator[Diagnostic]:
    if rule.selector not in ("", rpc.full_name):
        found = codes.HTTP_BAD_SELECTOR.at(
            _place(rule, rule.selector), f"this is `{rpc.full_name}`", found=rule.selector
        )
        yield found.help("leave the selector out")
    if any(additional.additional for additional in rule.additional):
        found = codes.HTTP_NESTED_BINDINGS.at(rule.span.find("additional_bindings"))
        yield found.help("list all of them directly under the rule")


def _rule(rpc: RpcDeclaration, rule: HttpRule, first: dict[tuple[str, str], Span]) -> Iterator[Diagnostic]:
    if not rule.method and not rule.template:
        found = codes.HTTP_PATTERN_MISSING.at(rule.span, name=rpc.name)
        yield found.help('add a method and a path, e.g. `get: "/things/{id}"`')
        return
    if rule.is_custom and rule.method != _ANY_METHOD:
        found = codes.HTTP_CUSTOM_METHOD.at(_place(rule, rule.method), name=rule.method)
        yield found.help("use get, put, post, delete or patch, or the kind `*` for all methods")
        return
    place = _place(rule, rule.template)
    try:
        template = parse(rule.template)
    except NotATemplate as error:
        at = Span(place.source, place.start + error.offset, place.start + error.offset + 1)
        at = at if place.text == rule.template else place
        found = codes.HTTP_BAD_TEMPLATE.at(at, str(error), template=rule.template)
        yield found.help("write for example `/carts/{user_id}/items`")
        return
    for name in template.variables:
        yield from _variable(rpc, name, place)
    yield from _bodies(rpc, rule)
    yield from _duplicate(rule, template, place, first)


def _variable(rpc: RpcDeclaration, name: str, place: Span) -> Iterator[Diagnostic]:
    opened = place.find(f"{{{name}")
    span = Span(opened.source, opened.start + 1, opened.end) if opened != place else place
    field = rpc.input.field(name.partition(".")[0])
    if field is None:
        found = codes.HTTP_UNKNOWN_VARIABLE.at(span, f"not a field of `{rpc.input.type.full_name}`", name=name)
        yield _suggest(found, name, rpc.input, span)
        return
    kind = "a field of a nested message" if "." in name else _not_in_paths(field)
    if kind:
        found = codes.HTTP_BAD_VARIABLE.at(span, kind, name=f"{rpc.input.type.full_name}.{name}")
        if rpc.input.type.file.generated:
            found = found.also(field.span, "declared here")
        yield found.help("use a field that holds text, bytes, a number or a truth value")


def _not_in_paths(field: Field) -> str:
    if field.is_map:
        return "a map"
    return "a repeated field" if field.is_repeated else _NOT_IN_PATHS.get(field.kind, "")


def _bodies(rpc: RpcDeclaration, rule: HttpRule) -> Iterator[Diagnostic]:
    if rule.body:
        yield from _body(rpc, rule)
    if rule.response_body and rpc.output.field(rule.response_body) is None:
        span = _place(rule, rule.response_body)
        label = f"not a field of `{rpc.output.type.full_name}`"
        found = codes.HTTP_BAD_RESPONSE_BODY.at(span, label, name=rule.response_body)
        yield _suggest(found, rule.response_body, rpc.output, span)


def _body(rpc: RpcDeclaration, rule: HttpRule) -> Iterator[Diagnostic]:
    span = _place(rule, rule.body)
    if rule.method == "GET":
        yield codes.HTTP_BAD_BODY.at(span, "a GET has no body", name=rule.body).help("leave it out, or use post")
        return
    if rule.body == _WHOLE:
        return
    field = rpc.input.field(rule.body)
    if field is None:
        found = codes.HTTP_BAD_BODY.at(span, f"not a field of `{rpc.input.type.full_name}`", name=rule.body)
        yield _suggest(found, rule.body, rpc.input, span)
    elif field.is_repeated:
        found = codes.HTTP_BAD_BODY.at(span, "a map" if field.is_map else "a repeated field", name=rule.body)
        yield found.help('use `body: "*"`')


def _duplicate(
    rule: HttpRule, template: Template, place: Span, first: dict[tuple[str, str], Span]
) -> Iterator[Diagnostic]:
    key = (rule.method, template.pattern)
    if key in first:
        found = codes.HTTP_DUPLICATE_PATTERN.at(place, "again here", pattern=f"{rule.method} {template.pattern}")
        yield found.also(first[key], "first here").help("change the path or the method of one of them")
    first.setdefault(key, place)


def _suggest(found: Diagnostic, name: str, message: MessageDeclaration, span: Span) -> Diagnostic:
    names = [field.name for field in message.fields]
    guess = closest(name, names)
    if guess:
        return found.did_you_mean(guess, span)
    return found.help(f"its fields: {', '.join(f'`{known}`' for known in names)}") if names else found


def _place(rule: HttpRule, text: str) -> Span:
    """The string ``text`` of the rule, without its quotes."""
    quoted = next((f"{quote}{text}{quote}" for quote in "\"'" if f"{quote}{text}{quote}" in rule.span.text), "")
    whole = rule.span.find(quoted)
    return Span(whole.source, whole.start + 1, whole.end - 1) if quoted else whole
