"""Path templates: the same that the runtime takes."""

from __future__ import annotations

import pytest

from cloudstate.compiler.checks.http_template import NotATemplate, parse


@pytest.mark.parametrize(
    ("text", "variables", "pattern"),
    [
        ("/", (), "/"),
        ("/carts", (), "/carts"),
        ("/carts/{id}", ("id",), "/carts/*"),
        ("/carts/{id=*}/x", ("id",), "/carts/*/x"),
        ("/{name=shops/*/carts/*}:clear", ("name",), "/shops/*/carts/*:clear"),
        ("/files/{path=**}", ("path",), "/files/**"),
        ("/a/{b.c}/*", ("b.c",), "/a/*/*"),
        ("/a%20b/c-d.e~f", (), "/a%20b/c-d.e~f"),
    ],
)
def test_templates(text: str, variables: tuple[str, ...], pattern: str) -> None:
    template = parse(text)
    assert (template.variables, template.pattern) == (variables, pattern)


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", 0),
        ("carts", 0),
        ("/carts/", 7),
        ("/a//b", 3),
        ("/{id", 4),
        ("/{}", 2),
        ("/{1}", 2),
        ("/{a={b}}", 4),
        ("/{a}/{a}", 6),
        ("/**/a", 4),
        ("/{a=**}/b", 8),
        ("/a:", 3),
        ("/a}", 2),
        ("/a b", 2),
        ("/a%2", 2),
        ("/a:b:c", 4),
    ],
)
def test_what_is_no_template_is_shown_where(text: str, offset: int) -> None:
    with pytest.raises(NotATemplate) as caught:
        parse(text)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    "text", ["/", "/a/{b}", "/a/{b=c/*}:d", "/{a=**}", "a", "/{a}/{a}", "/**/b", "/a:b:c", "/%zz", "/é"]
)
def test_the_runtime_agrees(text: str) -> None:
    from cloudstate.runtime.proxy.transcoding.template import Template, TemplateInvalid

    try:
        Template.parse(text)
    except TemplateInvalid:
        with pytest.raises(NotATemplate):
            parse(text)
    else:
        parse(text)
