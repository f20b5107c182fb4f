"""Laws of HTTP transcoding: what goes in comes out, json_format agrees, and nothing but a refusal escapes."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from tests.front_door.protos import shop, shop_schema

from cloudstate.runtime.proxy.transcoding.binding import Binding, service_bindings
from cloudstate.runtime.proxy.transcoding.failure import RequestRefused
from cloudstate.runtime.proxy.transcoding.json_decoder import JsonDecoder
from cloudstate.runtime.proxy.transcoding.json_encoder import JsonEncoder
from cloudstate.runtime.proxy.transcoding.request import request_payload
from cloudstate.runtime.proxy.transcoding.routes import Found, OtherMethods, PathMalformed, Routes
from cloudstate.runtime.proxy.transcoding.template import Template, TemplateInvalid

ENCODER = JsonEncoder(shop_schema().pool)
DECODER = JsonDecoder(shop_schema().pool)
JSON = "application/json"
LARGEST_FLOAT = 3.4028234663852886e38


@functools.cache
def routes() -> Routes[Binding]:
    table: Routes[Binding] = Routes()
    for binding in service_bindings(shop()):
        table.add(binding.method, binding.template, binding)
    return table


def call(method: str, target: str, body: bytes = b"", content_type: str = JSON) -> Any:
    """The message that a request becomes."""
    path, _, query = target.partition("?")
    found = routes().find(method, path)
    assert isinstance(found, Found)
    payload = request_payload(found.target, found.path, query, content_type, body, DECODER)
    return found.target.input_class.FromString(payload)


def refusal(method: str, target: str, body: bytes = b"") -> int | None:
    """The status with which a request is refused, None if it is taken."""
    try:
        call(method, target, body)
    except RequestRefused as refused:
        return refused.status
    return None


# -- random messages --------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
INTEGERS: dict[int, st.SearchStrategy[int]] = {
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
}


def scalar(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if field.cpp_type in INTEGERS:
        return INTEGERS[field.cpp_type]
    if field.type == FieldDescriptor.TYPE_BYTES:
        return st.binary(max_size=8)
    if field.enum_type is not None:
        if field.enum_type.full_name == "google.protobuf.NullValue":
            return st.just(0)
        return st.one_of(st.sampled_from(sorted(field.enum_type.values_by_number)), st.integers(-(2**31), 2**31 - 1))
    return {
        FieldDescriptor.CPPTYPE_STRING: TEXT,
        FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
        FieldDescriptor.CPPTYPE_FLOAT: st.floats(width=32),
        FieldDescriptor.CPPTYPE_DOUBLE: st.floats(),
    }[field.cpp_type]


JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "Timestamp": st.builds(dict, seconds=st.integers(-(10**10), 10**11), nanos=st.integers(0, 10**9 - 1)),
    "Duration": st.builds(dict, seconds=st.integers(0, 10**11), nanos=st.integers(0, 10**9 - 1)),
    "FieldMask": st.builds(
        dict, paths=st.lists(st.from_regex(r"[a-z]+(_[a-z]+)?(\.[a-z]+)?", fullmatch=True), max_size=2)
    ),
}
PLAIN_JSON = {
    "Struct": st.dictionaries(TEXT, JSON_VALUES, max_size=3),
    "Value": JSON_VALUES,
    "ListValue": st.lists(JSON_VALUES, max_size=3),
}


@st.composite
def messages(draw: st.DrawFn, full_name: str, depth: int = 2) -> Any:
    kind = shop_schema().message_class(full_name)
    short = full_name.removeprefix("google.protobuf.")
    if short in SPECIAL:
        return kind(**draw(SPECIAL[short]))
    if short in PLAIN_JSON:
        return json_format.ParseDict(draw(PLAIN_JSON[short]), kind())
    if short == "Any":
        inner = draw(messages("test.shop.Item"))
        return kind(type_url="type.googleapis.com/test.shop.Item", value=inner.SerializeToString())
    message = kind()
    descriptor: Descriptor = message.DESCRIPTOR  # type: ignore[assignment]
    if not descriptor.fields:
        return message
    for field in draw(
        st.lists(st.sampled_from(list(descriptor.fields)), max_size=8, unique_by=lambda field: field.number)
    ):
        fill(draw, message, field, depth)
    return message


def fill(draw: st.DrawFn, message: Any, field: FieldDescriptor, depth: int) -> None:
    inner = field.message_type
    if inner is None:
        strategy = scalar(field)
        if field.is_repeated:
            getattr(message, field.name).extend(draw(st.lists(strategy, max_size=3)))
        else:
            setattr(message, field.name, draw(strategy))
    elif depth == 0:
        return
    elif inner.GetOptions().map_entry:
        fill_map(draw, getattr(message, field.name), inner, depth)
    elif field.is_repeated:
        getattr(message, field.name).extend(draw(st.lists(messages(inner.full_name, depth - 1), max_size=2)))
    else:
        getattr(message, field.name).CopyFrom(draw(messages(inner.full_name, depth - 1)))


def fill_map(draw: st.DrawFn, entries: Any, entry: Descriptor, depth: int) -> None:
    value = entry.fields_by_name["value"]
    for key in draw(st.lists(scalar(entry.fields_by_name["key"]), max_size=3)):
        if value.message_type is None:
            entries[key] = draw(scalar(value))
        else:
            entries[key].CopyFrom(draw(messages(value.message_type.full_name, depth - 1)))


EVERYTHING = messages("test.shop.Everything")


# -- laws -------------------------------------------------------------------------------------------------------------


@given(EVERYTHING)
@settings(max_examples=300, deadline=None)
def test_the_encoder_agrees_with_json_format(message: Any) -> None:
    assume(abs(message.single) != LARGEST_FLOAT)
    expected = json_format.MessageToDict(
        message, always_print_fields_with_no_presence=True, descriptor_pool=shop_schema().pool
    )

    text = ENCODER.message(message.DESCRIPTOR)(message)

    assert json.loads(text) == json.loads(json.dumps(expected))
    assert text == json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":")) or "e" in text


@given(EVERYTHING)
@example(shop_schema().message_class("test.shop.Everything")(single=LARGEST_FLOAT))
@settings(max_examples=150, deadline=None)
def test_a_message_survives_json_and_back(message: Any) -> None:
    text = ENCODER.message(message.DESCRIPTOR)(message)

    got = call("POST", "/echo:shout", text.encode())

    # by their JSON: NaN is not equal to itself
    assert json.loads(ENCODER.message(got.DESCRIPTOR)(got)) == json.loads(text)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_path_variable_takes_any_text(text: str) -> None:
    assert call("GET", f"/carts/{quote(text, safe='')}").user_id == text


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/")), min_size=1))
def test_the_rest_of_a_path_takes_any_segments(segments: list[str]) -> None:
    path = "/".join(quote(segment, safe="") for segment in segments)

    assert call("GET", f"/echo/files/{path}").text == "/".join(segments)


@given(text=TEXT, big=INTEGERS[FieldDescriptor.CPPTYPE_INT64], raw=st.binary(), precise=st.floats(allow_nan=False))
def test_query_values_survive(text: str, big: int, raw: bytes, precise: float) -> None:
    number = {float("inf"): "Infinity", float("-inf"): "-Infinity"}.get(precise, repr(precise))
    encoded = ENCODER.field(shop_schema().message("test.shop.Everything").fields_by_name["raw"])(raw).strip('"')
    query = urlencode({"text": text, "nested.big": str(big), "raw": encoded, "doubles": number})

    got = call("GET", f"/echo?{query}")

    assert (got.text, got.nested.big, got.raw, list(got.doubles)) == (text, big, raw, [precise])


ANY_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([f.json_name for f in shop_schema().message("test.shop.Everything").fields]) | TEXT,
            inner,
            max_size=4,
        )
    ),
)


SCALARS: st.SearchStrategy[Any] = st.sampled_from(
    ["", "RED", "7", "-7", "007", " 7", "1e2", "YQ==", "\ud800", "true"]
) | st.sampled_from(
    [0, 7, -7, 2**31, 2**63, 2**64, 1.0, 0.5, 1e300, True, False, None, float("nan"), float("inf")],
)
#: Objects whose keys are right and whose values are of the right shape more often than chance would have it.
NEARLY_PLAIN = st.dictionaries(
    st.sampled_from(
        [name for f in shop_schema().message("test.shop.Everything").fields for name in (f.name, f.json_name)]
    ),
    SCALARS
    | st.lists(SCALARS, max_size=2)
    | st.fixed_dictionaries(
        {}, optional={"name": SCALARS, "quantity": SCALARS, "productId": SCALARS, "product_id": SCALARS}
    ),
    max_size=3,
)


def decoded(decode: Callable[[bytes, Any], object], text: bytes) -> bytes | None:
    """What a decoder makes of the text; None if it refuses."""
    message = shop_schema().message_class("test.shop.Everything")()
    try:
        decode(text, message)
    except Exception:
        return None
    return message.SerializeToString(deterministic=True)


@given(ANY_JSON.map(json.dumps).map(str.encode) | NEARLY_PLAIN.map(json.dumps).map(str.encode) | st.binary())
@settings(max_examples=600, deadline=None)
def test_the_decoder_agrees_with_json_format(text: bytes) -> None:
    reference = functools.partial(json_format.Parse, descriptor_pool=shop_schema().pool)

    assert decoded(DECODER.decode, text) == decoded(reference, text)


@given(EVERYTHING)
@settings(max_examples=150, deadline=None)
def test_the_decoder_agrees_with_json_format_on_messages(message: Any) -> None:
    text = ENCODER.message(message.DESCRIPTOR)(message).encode()
    reference = functools.partial(json_format.Parse, descriptor_pool=shop_schema().pool)

    assert decoded(DECODER.decode, text) == decoded(reference, text) is not None


@given(ANY_JSON.map(json.dumps).map(str.encode) | st.binary())
@settings(max_examples=300, deadline=None)
@pytest.mark.parametrize("target", ["/echo:shout", "/echo/big", "/carts/u/items"])
def test_any_body_is_taken_or_refused(target: str, body: bytes) -> None:
    assert refusal("POST", target, body) in (None, 400)


@given(st.text())
def test_any_query_is_taken_or_refused(query: str) -> None:
    assert refusal("GET", f"/echo?{query}") in (None, 400)


@given(st.text(st.sampled_from("/ab*{}=:.%41")))
def test_any_text_is_a_template_or_an_error_with_a_place(text: str) -> None:
    try:
        position = -1 if Template.parse(text).segments else None
    except TemplateInvalid as error:
        position = error.position
    assert position is not None
    assert position <= len(text)


@given(st.text(st.sampled_from("/ab:%2Fcarts")))
def test_any_path_is_found_or_not(path: str) -> None:
    try:
        assert isinstance(routes().find("GET", path), Found | OtherMethods)
    except PathMalformed:
        assert "%" in path
