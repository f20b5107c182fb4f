"""HTTP/JSON from a request to the router's command and from its reply to a response; no sockets."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest
from tests.front_door.protos import shop, shop_schema
from tests.front_door.router import Response, ScriptedRouter, exchange

from cloudstate.runtime.errors import CommandRejected, StatusCode
from cloudstate.runtime.host import Failure, Reply, Request
from cloudstate.runtime.proxy import FrontDoor, FrontDoorLimits
from cloudstate.runtime.proxy.transcoding.failure import HTTP_STATUS
from cloudstate.runtime.transport import HttpExchange

ROUTER_SERVICE = "test.shop.Shop"


def message(name: str, **fields: Any) -> Any:
    return shop_schema().message_class(f"test.shop.{name}")(**fields)


def raw(**fields: Any) -> bytes:
    body = shop_schema().message_class("google.api.HttpBody")(**fields)
    return body.SerializeToString()


def serve(router: ScriptedRouter, request: HttpExchange, timeout: float = 60.0) -> None:
    FrontDoor(shop(), router, FrontDoorLimits(http_timeout=timeout)).http(request)


async def sent(target: str, method: str = "GET", body: object = None, **headers: str) -> Any:
    """The message that arrives at the router."""
    router = ScriptedRouter(Reply(b""))
    request, response = exchange(method, target, body, **headers)
    serve(router, request)
    assert response.status == 200, response.body
    (call,) = router.calls
    command = shop_schema().method(ROUTER_SERVICE, call.command)
    return shop_schema().message_class(command.input_type.full_name).FromString(call.payload)


async def refused(target: str, method: str = "GET", body: object = None, **headers: str) -> tuple[int, str]:
    router = ScriptedRouter()
    request, response = exchange(method, target, body, **headers)
    serve(router, request)
    assert router.calls == []
    assert response.headers["content-type"] == "application/json"
    assert set(response.json) == {"code", "message"}
    return response.status, response.json["message"]


async def answered(target: str, answer: Any, method: str = "GET", body: object = None, **headers: str) -> Response:
    """The response to a request whose command is answered with ``answer``."""
    request, response = exchange(method, target, body, **headers)
    serve(ScriptedRouter(answer), request)
    assert response.ended
    return response


class TestRequests:
    async def test_path_query_and_nothing_else(self) -> None:
        got = await sent("/echo/a%2Fb/-12?flag=TRUE&texts=x&texts=&item.quantity=3&item.productId=p&nested.item.name=n")

        assert (got.text, got.big, got.flag, list(got.texts)) == ("a/b", -12, True, ["x", ""])
        assert (got.item.quantity, got.item.product_id, got.nested.item.name) == (3, "p", "n")

    async def test_the_path_wins_over_the_query(self) -> None:
        assert (await sent("/echo/path/1?text=query")).text == "path"

    async def test_rest_of_the_path(self) -> None:
        assert (await sent("/echo/files/a/b%20c/d:e")).text == "a/b c/d:e"

    async def test_body_field_with_the_rest_from_path_and_query(self) -> None:
        got = await sent("/carts/u/items?note=quick", "POST", {"productId": "p", "quantity": 2})

        assert got == message("AddItem", user_id="u", note="quick", item={"product_id": "p", "quantity": 2})

    async def test_scalar_body_field(self) -> None:
        assert (await sent("/echo/big?text=t", "POST", "123")) == message("Everything", big=123, text="t")

    async def test_whole_body_ignores_the_query_and_yields_to_the_path(self) -> None:
        got = await sent("/carts/u/all?note=query", "PUT", {"userId": "body", "item": {"name": "n"}})

        assert got == message("AddItem", user_id="u", item={"name": "n"})

    async def test_both_spellings_of_names(self) -> None:
        assert await sent("/carts/u/all", "PUT", {"item": {"product_id": "p"}}) == message(
            "AddItem", user_id="u", item={"product_id": "p"}
        )
        assert (await sent("/echo?odd-Name=a")).odd_name == "a"
        assert (await sent("/echo?odd_name=a")).odd_name == "a"

    @pytest.mark.parametrize("method", ["Plain", "Get"])
    async def test_every_method_has_its_default_path(self, method: str) -> None:
        got = await sent(f"/{ROUTER_SERVICE}/{method}", "POST", {"userId": "u"})

        assert got.user_id == "u"

    @pytest.mark.parametrize(
        "content_type",
        ["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'],
    )
    async def test_content_types_that_are_json(self, content_type: str) -> None:
        got = await sent("/echo:shout", "POST", b'{"text":"a"}', content_type=content_type)

        assert got.text == "a"

    async def test_a_post_without_any_body_is_an_empty_message(self) -> None:
        assert await sent("/echo:shout", "POST") == message("Everything")

    async def test_http_body_takes_any_content(self) -> None:
        got = await sent("/files/u", "PUT", b"\x00\xff", content_type="image/png")
        assert (got.user_id, got.file.content_type, got.file.data) == ("u", "image/png", b"\x00\xff")

        whole = await sent("/mirror", "POST", b"x", content_type="text/plain")
        assert (whole.content_type, whole.data) == ("text/plain", b"x")

    async def test_metadata(self) -> None:
        router = ScriptedRouter()
        headers = {"ce-id": "7", "trace-bin": base64.b64encode(b"\x00\x01").decode().rstrip("=")}
        request, _ = exchange("GET", "/carts/u", **headers, bad_bin="%", host="h", connection="close", te="x")
        serve(router, request)

        assert router.calls[0].metadata == (("ce-id", "7"), ("trace-bin", b"\x00\x01"))
        assert (router.calls[0].service, router.calls[0].command) == (ROUTER_SERVICE, "Get")


QUERY = [
    ("small=-5", {"small": -5}),
    ("unsignedBig=18446744073709551615", {"unsigned_big": 2**64 - 1}),
    ("big=-9223372036854775808", {"big": -(2**63)}),
    ("single=1.5&precise=-2e3", {"single": 1.5, "precise": -2000.0}),
    ("precise=Infinity", {"precise": float("inf")}),
    ("raw=_-8", {"raw": b"\xff\xef"}),
    ("raw=%2F%2B8%3D", {"raw": b"\xff\xef"}),
    ("raws=YQ&raws=Yg%3D%3D", {"raws": [b"a", b"b"]}),
    ("colour=RED", {"colour": 1}),
    ("colour=2", {"colour": 2}),
    ("colour=77", {"colour": 77}),
    ("colours=RED&colours=GREEN", {"colours": [1, 2]}),
    ("bigs=1&bigs=2", {"bigs": [1, 2]}),
    ("text=a%2Bb+c", {"text": "a+b c"}),
    ("text=", {"text": ""}),
    ("maybeText=", {"maybe_text": ""}),
    ("chosen_item.name=x", {"chosen_item": {"name": "x"}}),
    ("wrappedText=x&wrappedFlag=false&wrappedNumber=0", {"wrapped_text": {"value": "x"}}),
]


@pytest.mark.parametrize(("query", "fields"), QUERY)
async def test_query_values(query: str, fields: dict[str, Any]) -> None:
    got = await sent(f"/echo?{query}")

    for name, value in fields.items():
        if isinstance(value, list):
            assert list(getattr(got, name)) == value
        elif not isinstance(value, dict):
            assert getattr(got, name) == value
            assert not got.DESCRIPTOR.fields_by_name[name].has_presence or got.HasField(name)
        else:
            assert got.HasField(name)


async def test_query_well_known_types() -> None:
    got = await sent("/echo?at=1970-01-01T00:00:01Z&lasting=1.5s&mask=a,bC.d&wrappedRaw=YQ&wrappedDouble=1")

    assert (got.at.seconds, got.lasting.seconds, got.lasting.nanos) == (1, 1, 500_000_000)
    assert list(got.mask.paths) == ["a", "b_c.d"]
    assert (got.wrapped_raw.value, got.wrapped_double.value) == (b"a", 1.0)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("nope=1", "query parameter `nope`: `test.shop.Everything` has no field `nope`; check its spelling"),
        ("item.nope=1", "query parameter `item.nope`: `test.shop.Item` has no field `nope`"),
        ("item=1", "query parameter `item` names a message; name one of its fields: `item.<field>`"),
        ("items=1", "query parameter `items` names messages; send them in a body"),
        ("items.name=1", "query parameter `items.name`: `items` is not a message that has fields"),
        ("text.x=1", "query parameter `text.x`: `text` is not a message that has fields"),
        ("counts=1", "query parameter `counts` names messages"),
        ("counts.a=1", "query parameter `counts.a`: `counts` is not a message that has fields"),
        ("text=a&text=b", "query parameter `text` is given 2 times, but takes one value"),
        ("small=x", "query parameter `small` must be a whole number from -2147483648 to 2147483647"),
        ("small=2147483648", "query parameter `small` must be a whole number"),
        ("small=1_0", "query parameter `small` must be a whole number"),
        ("small=%D9%A1", "query parameter `small` must be a whole number"),
        ("small=", "query parameter `small` must be a whole number"),
        ("unsignedSmall=-1", "query parameter `unsignedSmall` must be a whole number from 0 to 4294967295"),
        ("precise=nan", "query parameter `precise` must be a number"),
        ("precise=1e999", "query parameter `precise` must be a number of at most 1.7976931e+308 either way"),
        ("single=1e39", "query parameter `single` must be a number of at most 3.4028235e+38 either way"),
        ("flag=yes", "query parameter `flag` must be `true` or `false`"),
        ("raw=%25", "query parameter `raw` must be base64"),
        ("raw=a", "query parameter `raw` must be base64"),
        ("colour=PINK", "query parameter `colour` must be one of COLOUR_UNSPECIFIED, RED, GREEN"),
        ("at=yesterday", "query parameter `at`: "),
        ("wrappedNumber=x", "query parameter `wrappedNumber` must be a whole number"),
        ("anything=1", "query parameter `anything` names a message"),
        ("=1", "query parameter ``: `test.shop.Everything` has no field ``"),
        ("text=%ff", "the query is not percent-encoded UTF-8"),
        ("&".join("texts=a" for _ in range(1001)), "the query has more than 1000 parameters"),
    ],
)
async def test_bad_queries(query: str, text: str) -> None:
    status, found = await refused(f"/echo?{query}")

    assert status == 400
    assert found.startswith(text)


@pytest.mark.parametrize(
    ("method", "target", "body", "content_type", "status", "text"),
    [
        ("GET", "/echo/t/x1", None, "", 400, "`x1` in the path: `big` must be a whole number"),
        ("GET", "/carts/%zz", None, "", 400, "`%zz` in the path is no percent-encoding"),
        ("POST", "/echo:shout", b"{", "application/json", 400, "the body is not the JSON of `test.shop.Everything`: "),
        (
            "POST",
            "/echo:shout",
            b"",
            "application/json",
            400,
            "the body is not the JSON of `test.shop.Everything`: it is empty; send {}",
        ),
        ("POST", "/echo:shout", b"\xff", "application/json", 400, "the body is not the JSON of `test.shop.Everything`"),
        (
            "POST",
            "/echo:shout",
            b"[1]",
            "application/json",
            400,
            "the body is not the JSON of `test.shop.Everything`: it is a list; send an object",
        ),
        ("POST", "/echo:shout", b"[" * 99999, "application/json", 400, "the body is not the JSON of"),
        ("POST", "/echo:shout", b'{"nope":1}', "application/json", 400, "the body is not the JSON of"),
        ("POST", "/echo:shout", b'{"small":"x"}', "application/json", 400, "the body is not the JSON of"),
        ("POST", "/echo/big", b"{}", "application/json", 400, "the body is not the JSON of `test.shop.Everything.big`"),
        ("POST", "/carts/u/items", b"3", "application/json", 400, "the body is not the JSON of `test.shop.Item`: "),
        ("POST", "/carts/u/items?item.name=x", b"{}", "application/json", 400, "query parameter `item.name`: "),
        ("POST", "/echo:shout", b"{}", "", 415, "the content-type is missing; send the body as `application/json`"),
        ("POST", "/echo:shout", b"{}", "text/json", 415, "the content-type is `text/json`; send the body as"),
        ("POST", "/echo:shout", b"{}", "application/json; charset=latin1", 415, "the charset is `latin1`"),
        ("DELETE", "/carts/u", None, "", 405, "`/carts/u` takes GET, not DELETE"),
        ("GET", "/nowhere", None, "", 404, "nothing is served at `/nowhere`"),
        ("GET", "/", None, "", 404, "nothing is served at `/`"),
        ("POST", "/test.shop.Shop/Nope", b"{}", "application/json", 404, "nothing is served at"),
    ],
)
async def test_bad_requests(
    method: str, target: str, body: bytes | None, content_type: str, status: int, text: str
) -> None:
    headers = {"content_type": content_type} if content_type else {}
    found, message = await refused(target, method, body, **headers)

    assert (found, message[: len(text)]) == (status, text)


async def test_405_says_what_is_allowed() -> None:
    request, response = exchange("PATCH", "/carts/u/items")
    serve(ScriptedRouter(), request)

    assert response.headers["allow"] == "GET, POST"


class TestReplies:
    async def test_defaults_are_shown_and_nothing_is_spaced(self) -> None:
        response = await answered("/carts/u", Reply(b""))

        assert response.headers == {"content-type": "application/json"}
        assert response.body == b'{"items":[],"totalCents":"0","owner":""}'

    async def test_64_bit_numbers_are_strings_and_text_is_utf8(self) -> None:
        cart = message("Cart", total_cents=2**53 + 1, owner="Zoë", newest={"quantity": 1})
        response = await answered("/carts/u", Reply(cart.SerializeToString()))

        assert response.body.decode() == (
            '{"items":[],"totalCents":"9007199254740993","newest":{"productId":"","name":"","quantity":1},"owner":"Zoë"}'
        )

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/carts/u/items", b'[{"productId":"","name":"a","quantity":0}]'),
            ("/carts/u/newest", b'{"productId":"","name":"","quantity":0}'),
            ("/carts/u/total", b'"5"'),
        ],
    )
    async def test_response_body(self, path: str, body: bytes) -> None:
        cart = message("Cart", items=[{"name": "a"}], total_cents=5)
        response = await answered(path, Reply(cart.SerializeToString()))

        assert (response.headers["content-type"], response.body) == ("application/json", body)

    async def test_http_body(self) -> None:
        response = await answered("/files/u", Reply(raw(content_type="image/png", data=b"\x00\x01")))
        assert (response.headers["content-type"], response.body) == ("image/png", b"\x00\x01")

        response = await answered("/files/u", Reply(raw(content_type="a\nb: c", data=b"x"), (("content-type", "ä"),)))
        assert response.headers["content-type"] == "application/octet-stream"

        cart = message("Cart", receipt={"content_type": "text/plain", "data": b"thanks"})
        response = await answered("/carts/u/receipt", Reply(cart.SerializeToString()))
        assert (response.headers["content-type"], response.body) == ("text/plain", b"thanks")

    async def test_metadata_becomes_headers_where_it_can(self) -> None:
        metadata = (("x-note", "yes"), ("content-length", "9"), ("grpc-x", "n"), ("x-bin", b"b"), ("x-ö", "n"))
        response = await answered("/carts/u", Reply(b"", (*metadata, ("x-text", "line\nbreak"))))

        assert response.headers == {"content-type": "application/json", "x-note": "yes"}

    @pytest.mark.parametrize("code", [code for code in StatusCode if code is not StatusCode.OK])
    async def test_failures(self, code: StatusCode) -> None:
        response = await answered("/carts/u", Failure("no „such” cart", code))

        assert response.status == HTTP_STATUS[code]
        assert response.headers == {"content-type": "application/json"}
        assert response.body.decode() == f'{{"code":"{code.name}","message":"no „such” cart"}}'

    def test_every_status_has_one_in_http(self) -> None:
        assert set(HTTP_STATUS) == set(StatusCode)

    async def test_a_reply_that_is_not_its_type(self, caplog: pytest.LogCaptureFixture) -> None:
        response = await answered("/carts/u", Reply(b"\xff"))

        assert (response.status, response.json["code"]) == (500, "INTERNAL")
        assert "a reply cannot be rendered" in caplog.text


class TestEnds:
    async def test_a_late_reply(self) -> None:
        router = ScriptedRouter(hold=True)
        request, response = exchange("GET", "/carts/u")
        serve(router, request)
        assert not response.ended

        router.waiting[0](Reply(b""))

        assert response.status == 200
        assert router.abandoned == 0

    async def test_a_client_that_goes_away(self) -> None:
        router = ScriptedRouter(hold=True)
        request, response = exchange("GET", "/carts/u")
        serve(router, request)

        request.cancel()
        router.waiting[0](Reply(b""))

        assert (router.abandoned, response.status) == (1, 0)

    async def test_no_reply_in_time(self) -> None:
        router = ScriptedRouter(hold=True)
        request, response = exchange("GET", "/carts/u")
        serve(router, request, timeout=0.0)
        await response.over.wait()
        router.waiting[0](Reply(b""))

        assert (response.status, response.json["code"]) == (504, "DEADLINE_EXCEEDED")
        assert router.abandoned == 1


async def carts(request: Request, requests: AsyncIterator[bytes]) -> AsyncGenerator[Reply, None]:
    async for _ in requests:
        yield Reply(message("Cart", owner="a").SerializeToString(), (("x-first", "1"),))
        yield Reply(message("Cart", owner="b").SerializeToString(), (("x-second", "1"),))


async def broken(request: Request, requests: AsyncIterator[bytes]) -> AsyncGenerator[Reply, None]:
    async for reply in carts(request, requests):
        yield reply
    raise CommandRejected("enough", StatusCode.OUT_OF_RANGE)


async def hopeless(request: Request, requests: AsyncIterator[bytes]) -> AsyncGenerator[Reply, None]:
    raise CommandRejected("never", StatusCode.PERMISSION_DENIED)
    yield Reply(b"")


async def buggy(request: Request, requests: AsyncIterator[bytes]) -> AsyncGenerator[Reply, None]:
    raise KeyError("secret")
    yield Reply(b"")


async def silent(request: Request, requests: AsyncIterator[bytes]) -> AsyncGenerator[Reply, None]:
    return
    yield Reply(b"")


async def files(request: Request, requests: AsyncIterator[bytes]) -> AsyncGenerator[Reply, None]:
    yield Reply(raw(data=b"one"), (("content-type", "text/csv"),))
    yield Reply(raw(data=b"two"))


async def streamed(target: str, stream: Any, method: str = "GET", body: object = None, **headers: str) -> Response:
    request, response = exchange(method, target, body, **headers)
    serve(ScriptedRouter(streaming=stream), request)
    async with asyncio.timeout(5):
        await response.over.wait()
    return response


def cart_json(owner: str) -> str:
    return f'{{"items":[],"totalCents":"0","owner":"{owner}"}}'


class TestStreams:
    async def test_lines(self) -> None:
        response = await streamed("/carts/u:watch", carts)

        assert response.headers == {"content-type": "application/json", "x-first": "1"}
        assert response.body.decode() == f"{cart_json('a')}\n{cart_json('b')}\n"
        assert len(response.chunks) == 2

    async def test_events(self) -> None:
        response = await streamed("/carts/u:watch", carts, accept="text/event-stream, */*")

        assert response.headers["content-type"] == "text/event-stream"
        assert response.body.decode() == f"data:{cart_json('a')}\n\ndata:{cart_json('b')}\n\n"

    async def test_raw(self) -> None:
        response = await streamed("/exports/u", files)

        assert (response.headers["content-type"], response.body) == ("text/csv", b"onetwo")

    async def test_no_replies_at_all(self) -> None:
        response = await streamed("/carts/u:watch", silent)
        assert (response.status, response.body) == (200, b"")

        response = await streamed("/exports/u", silent)
        assert response.headers["content-type"] == "application/octet-stream"

    async def test_a_failure_before_the_first_reply_has_its_status(self) -> None:
        response = await streamed("/carts/u:watch", hopeless)

        assert (response.status, response.json) == (403, {"code": "PERMISSION_DENIED", "message": "never"})

    async def test_a_failure_later_is_the_last_record(self) -> None:
        response = await streamed("/carts/u:watch", broken)
        assert response.body.decode().splitlines()[-1] == '{"error":{"code":"OUT_OF_RANGE","message":"enough"}}'

        response = await streamed("/carts/u:watch", broken, accept="text/event-stream")
        assert response.body.endswith(b'event:error\ndata:{"code":"OUT_OF_RANGE","message":"enough"}\n\n')

    async def test_a_failure_in_raw_data_cuts_it_short(self) -> None:
        response = await streamed("/exports/u", broken)

        assert response.aborted
        assert not response.ended

    async def test_bugs_stay_inside(self, caplog: pytest.LogCaptureFixture) -> None:
        response = await streamed("/carts/u:watch", buggy)

        assert (response.status, response.json) == (500, {"code": "INTERNAL", "message": "internal error"})
        assert "secret" in caplog.text

    async def test_one_message_into_a_client_stream(self) -> None:
        response = await streamed("/collect", carts, "POST", {"userId": "u"})
        assert response.body.decode() == cart_json("a")

        response = await streamed("/collect", silent, "POST", {"userId": "u"})
        assert (response.status, response.json["message"]) == (500, "`Collect` gave no reply")

        response = await streamed("/test.shop.Shop/Chat", carts, "POST", {"userId": "u"})
        assert len(response.chunks) == 2

    async def test_a_client_that_goes_away_ends_the_command(self) -> None:
        closed = asyncio.Event()

        async def endless(request: Request, requests: AsyncIterator[bytes]) -> AsyncGenerator[Reply, None]:
            try:
                yield Reply(b"")
                await asyncio.Event().wait()
            finally:
                closed.set()

        request, response = exchange("GET", "/carts/u:watch")
        router = ScriptedRouter(streaming=endless)
        door = FrontDoor(shop(), router)
        door.http(request)
        await response.begun.wait()
        request.cancel()

        async with asyncio.timeout(5):
            await closed.wait()

    async def test_a_slow_client_stops_the_stream_at_its_source(self) -> None:
        produced: list[int] = []

        async def endless(request: Request, requests: AsyncIterator[bytes]) -> AsyncGenerator[Reply, None]:
            while True:
                produced.append(1)
                yield Reply(b"")

        request, response = exchange("GET", "/carts/u:watch")
        response.room = asyncio.Semaphore(3)
        door = FrontDoor(shop(), ScriptedRouter(streaming=endless))
        door.http(request)
        await response.full.wait()

        assert len(response.chunks) == 3
        assert len(produced) == 4
        request.cancel()

    async def test_no_first_reply_in_time(self) -> None:
        async def waiting(request: Request, requests: AsyncIterator[bytes]) -> AsyncGenerator[Reply, None]:
            await asyncio.Event().wait()
            yield Reply(b"")

        request, response = exchange("GET", "/carts/u:watch")
        door = FrontDoor(shop(), ScriptedRouter(streaming=waiting), FrontDoorLimits(http_timeout=0.01))
        door.http(request)
        async with asyncio.timeout(5):
            await response.over.wait()

        assert response.status == 504


@pytest.mark.parametrize(("value", "status", "body"), [("queue", 200, b"queue"), ("activator", 400, None)])
async def test_knative_probe(value: str, status: int, body: bytes | None) -> None:
    request, response = exchange("GET", "/", k_network_probe=value)
    serve(ScriptedRouter(), request)

    assert response.status == status
    assert body is None or response.body == body
