"""Routes: which template takes which path, what variables take of it, and who wins."""

from __future__ import annotations

import pytest

from cloudstate.runtime.proxy.transcoding.routes import ANY_METHOD, Found, OtherMethods, PathMalformed, Routes
from cloudstate.runtime.proxy.transcoding.template import Template


def routes(*templates: str, method: str = "GET") -> Routes[str]:
    table: Routes[str] = Routes()
    for text in templates:
        table.add(method, Template.parse(text), text)
    return table


def target(table: Routes[str], path: str, method: str = "GET") -> str | None:
    found = table.find(method, path)
    return found.target if isinstance(found, Found) else None


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("/", "/", {}),
        ("/a/b", "/a/b", {}),
        ("/a/*", "/a/x", {}),
        ("/a/*", "/a/", {}),
        ("/{id}", "/", {"id": ""}),
        ("/{id}", "/x", {"id": "x"}),
        ("/{id}", "/x%2Fy%3Az%20%25", {"id": "x/y:z %"}),
        ("/{id}", "/%E2%82%AC", {"id": "€"}),
        ("/{id}", "/a+b", {"id": "a+b"}),
        ("/{id}:go", "/x:go", {"id": "x"}),
        ("/{id}:go", "/x%3Ay:go", {"id": "x:y"}),
        ("/{id}:go", "/x:g%6F", {"id": "x"}),
        ("/a/{x}/b/{y}", "/a/1/b/2", {"x": "1", "y": "2"}),
        ("/{name=shelves/*/books/*}", "/shelves/1/books/2%2F3", {"name": "shelves/1/books/2/3"}),
        ("/files/{name=**}", "/files/a/b/c", {"name": "a/b/c"}),
        ("/files/{name=**}", "/files/", {"name": ""}),
        ("/files/{name=**}", "/files/a:b/c:d", {"name": "a:b/c:d"}),
        ("/files/{name=**}:go", "/files/a/b:go", {"name": "a/b"}),
        ("/caf%C3%A9/{x}", "/caf%c3%a9/1", {"x": "1"}),
        ("/caf%C3%A9/{x}", "/café/1", {"x": "1"}),
    ],
)
def test_matches(template: str, path: str, values: dict[str, str]) -> None:
    found = routes(template).find("GET", path)

    assert isinstance(found, Found)
    assert {variable.name: found.path.value(variable) for variable in Template.parse(template).variables} == values


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("/", "/a"),
        ("/a", "/"),
        ("/a", "/a/"),
        ("/a", "/a/b"),
        ("/a", "/A"),
        ("/a", "a"),
        ("/a", "*"),
        ("/a", ""),
        ("/a/*", "/a"),
        ("/a/*", "/a/b/c"),
        ("/a/*", "/a/b:c"),
        ("/{id}", "/a:b"),
        ("/{id}:go", "/a"),
        ("/{id}:go", "/a:stop"),
        ("/{id}:go", "/a:b:go"),
        ("/{a}/b", "/x:y/b"),
        ("/files/{name=**}", "/files"),
        ("/files/{name=**}:go", "/files/a"),
    ],
)
def test_does_not_match(template: str, path: str) -> None:
    assert routes(template).find("GET", path) == OtherMethods(frozenset())


@pytest.mark.parametrize("path", ["/%", "/%2", "/%zz", "/a/%C3", "/%ff", "/a:%zz"])
def test_broken_encodings(path: str) -> None:
    with pytest.raises(PathMalformed, match="percent-encod"):
        routes("/{id}", "/a/*").find("GET", path)


@pytest.mark.parametrize(
    "order",
    [("/a/b", "/a/{x}"), ("/a/{x}", "/a/b"), ("/{y=**}", "/a/b"), ("/a/b", "/{y=**}"), ("/{p}/{q}", "/a/*")],
)
def test_the_last_one_wins(order: tuple[str, str]) -> None:
    assert target(routes(*order), "/a/b") == order[1]


def test_a_dead_end_does_not_hide_another_way() -> None:
    table = routes("/*/b/{x}", "/a/c", "/a/b")

    assert target(table, "/a/b/1") == "/*/b/{x}"
    assert target(table, "/a/c") == "/a/c"
    assert target(table, "/z/b/1") == "/*/b/{x}"


def test_a_later_route_for_another_method_does_not_win() -> None:
    table = routes("/a/{x}")
    table.add("POST", Template.parse("/a/b"), "post")

    assert target(table, "/a/b") == "/a/{x}"
    assert target(table, "/a/b", "POST") == "post"
    assert table.find("PUT", "/a/b") == OtherMethods(frozenset({"GET", "POST"}))
    assert table.find("PUT", "/a/c") == OtherMethods(frozenset({"GET"}))


def test_any_method() -> None:
    table = routes("/a", method=ANY_METHOD)
    assert target(table, "/a", "BREW") == "/a"
    table.add("GET", Template.parse("/a"), "get")
    assert target(table, "/a") == "get"
    assert target(table, "/a", "PUT") == "/a"
    table.add(ANY_METHOD, Template.parse("/a"), "any")
    assert target(table, "/a") == "any"


def test_verbs_and_rest_compete_by_order() -> None:
    assert target(routes("/{n=**}", "/{n}:go"), "/a:go") == "/{n}:go"
    assert target(routes("/{n}:go", "/{n=**}"), "/a:go") == "/{n=**}"


def test_wide_trees_stay_fast_on_hostile_paths() -> None:
    table = routes(*("/" + "/".join("*" if bits >> n & 1 else "a" for n in range(10)) for bits in range(1024)))

    found = table.find("GET", "/a" * 10)
    assert isinstance(found, Found)
    assert table.find("GET", "/a" * 5000) == OtherMethods(frozenset())
