"""Path templates: what is one, what is not, and where the error stands."""

from __future__ import annotations

import pytest

from cloudstate.runtime.proxy.transcoding.template import Template, TemplateInvalid, Variable


@pytest.mark.parametrize(
    ("text", "segments", "verb", "variables"),
    [
        ("/", ("",), "", ()),
        ("/a", ("a",), "", ()),
        ("/a/b-c/d.e_f~", ("a", "b-c", "d.e_f~"), "", ()),
        ("/*", ("*",), "", ()),
        ("/a/*/b", ("a", "*", "b"), "", ()),
        ("/a/**", ("a", "**"), "", ()),
        ("/a:go", ("a",), "go", ()),
        ("/**:go", ("**",), "go", ()),
        ("/{id}", ("*",), "", (Variable("id", 0, 1),)),
        ("/{id}:go", ("*",), "go", (Variable("id", 0, 1),)),
        ("/a/{b}/c/{d}", ("a", "*", "c", "*"), "", (Variable("b", 1, 2), Variable("d", 3, 4))),
        ("/{id=*}", ("*",), "", (Variable("id", 0, 1),)),
        ("/{name=shelves/*/books/*}", ("shelves", "*", "books", "*"), "", (Variable("name", 0, 4),)),
        ("/v1/{name=files/**}", ("v1", "files", "**"), "", (Variable("name", 1, None),)),
        ("/{name=**}", ("**",), "", (Variable("name", 0, None),)),
        ("/{a.b_c.d}", ("*",), "", (Variable("a.b_c.d", 0, 1),)),
        ("/caf%C3%A9", ("café",), "", ()),
    ],
)
def test_templates(text: str, segments: tuple[str, ...], verb: str, variables: tuple[Variable, ...]) -> None:
    assert Template.parse(text) == Template(text, segments, verb, variables)


@pytest.mark.parametrize(
    ("text", "message", "position"),
    [
        ("", "a path template starts with `/`", 0),
        ("a/b", "a path template starts with `/`", 0),
        ("//", "expected a segment", 1),
        ("/a/", "expected a segment", 3),
        ("/a//b", "expected a segment", 3),
        ("/**/a", "nothing may follow `**`", 4),
        ("/{a=**}/b", "nothing may follow `**`", 8),
        ("/{a=**/b}", "nothing may follow `**`", 7),
        ("/{}", "expected the name of a field", 2),
        ("/{1a}", "expected the name of a field", 2),
        ("/{a.}", "expected `}` to end the variable `a`", 3),
        ("/{a", "expected `}` to end the variable `a`", 3),
        ("/{a=}", "expected a segment", 4),
        ("/{a=*", "expected `}` to end the variable `a`", 5),
        ("/{a={b}}", "a variable inside the variable `a`", 4),
        ("/{a}/{a}", "the variable `a` for the second time", 5),
        ("/{a}b", "unexpected `b`", 4),
        ("/a}", "unexpected `}`", 2),
        ("/a:", "expected a verb", 3),
        ("/a:b:c", "unexpected `:`", 4),
        ("/a:b/c", "unexpected `/`", 4),
        ("/a:*", "expected a verb", 3),
        ("/a*", "unexpected `*`", 2),
        ("/***", "unexpected `*`", 3),
        ("/a b", "unexpected ` `", 2),
        ("/a?b", "unexpected `?`", 2),
        ("/%zz", "expected a segment", 1),
    ],
)
def test_no_templates(text: str, message: str, position: int) -> None:
    with pytest.raises(TemplateInvalid) as caught:
        Template.parse(text)
    assert str(caught.value) == f"{message} at character {position + 1} of `{text}`"
    assert caught.value.position == position
