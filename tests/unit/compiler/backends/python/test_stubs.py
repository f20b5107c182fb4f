"""protoc's stubs, mended for strict checkers; that mypy is content is seen in the golden tests."""

from __future__ import annotations

from cloudstate.compiler.backends.python.messages import strict_stub

TYPING = "from typing import ClassVar as _ClassVar\n"


def test_unused_imports_go() -> None:
    text = "from google.api import annotations_pb2 as _annotations_pb2\nfrom a import b_pb2 as _b_pb2\nx: _b_pb2.X\n"
    assert strict_stub(text) == "from a import b_pb2 as _b_pb2\nx: _b_pb2.X\n"


def test_what_is_public_stays() -> None:
    assert strict_stub("from a import X as X\n") == "from a import X as X\n"


def test_generics_and_keyword_arguments_get_types() -> None:
    text = strict_stub(TYPING + "def f(a: _Optional[_Union[K, _Mapping]] = ..., **kwargs) -> None: ...\n")
    assert "_Union[K, _Mapping[str, _Any]]] = ..., **kwargs: _Any)" in text
    assert text.startswith("from typing import Any as _Any, ")


def test_fields_named_as_builtins_hide_nothing() -> None:
    text = strict_stub('class A:\n    __slots__ = ("str",)\n    str: int\n    other: str\n')
    assert text == (
        'import builtins as _builtins\nclass A:\n    __slots__ = ("str",)\n'
        "    str: _builtins.int\n    other: _builtins.str\n"
    )


def test_other_stubs_stay_as_protoc_wrote_them() -> None:
    text = TYPING + "class A:\n    N: _ClassVar[int]\n    other: str\n"
    assert strict_stub(text) == text
