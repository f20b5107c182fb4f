"""Derived imports: sections, aliases, long lines."""

from __future__ import annotations

from cloudstate.compiler.backends.python.imports import Imports


def test_a_name_is_imported_once() -> None:
    imports = Imports()
    assert imports.use("typing", "ClassVar") == imports.use("typing", "ClassVar") == "ClassVar"
    assert imports.block() == "from typing import ClassVar"


def test_sections_and_names_are_sorted() -> None:
    imports = Imports()
    for module, name in [("shop.v1", "b_pb2"), ("", "a_pb2"), ("grpc.aio", "Channel"), ("abc", "B"), ("abc", "A")]:
        imports.use(module, name)
    assert imports.block() == (
        "from abc import A, B\n\nfrom grpc.aio import Channel\n\nimport a_pb2\nfrom shop.v1 import b_pb2"
    )


def test_what_the_module_defines_stays_its_own() -> None:
    imports = Imports(taken=["ValueEntity"])
    assert imports.use("cloudstate.runtime.authoring", "ValueEntity") == "authoring_ValueEntity"
    assert imports.block() == "from cloudstate.runtime.authoring import ValueEntity as authoring_ValueEntity"


def test_modules_with_one_name_get_their_folders_in_front() -> None:
    imports = Imports()
    locals_ = [imports.use(module, "t_pb2") for module in ("a", "b", "", "c.b", "c.a.b")]
    assert locals_ == ["t_pb2", "b_t_pb2", "t_pb2_", "c_b_t_pb2", "a_b_t_pb2"]
    assert len(set(locals_)) == 5


def test_long_imports_are_opened() -> None:
    imports = Imports()
    for name in ("a" * 40, "b" * 40):
        imports.use("typing", name)
    assert imports.block() == f"from typing import (\n    {'a' * 40},\n    {'b' * 40},\n)"
