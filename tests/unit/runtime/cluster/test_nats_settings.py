"""The address of a cluster's NATS servers."""

from __future__ import annotations

import pytest

from cloudstate.runtime.cluster.address import engine_at
from cloudstate.runtime.cluster.nats_engine import NatsEngine
from cloudstate.runtime.cluster.nats_engine.bucket import token
from cloudstate.runtime.cluster.nats_engine.settings import parse
from cloudstate.runtime.errors import ServiceInvalid


def test_servers_and_options() -> None:
    settings = parse("nats://a:4222,b:4223?replicas=3&credentials=/run/nats.creds")
    assert settings.servers == ("nats://a:4222", "nats://b:4223")
    assert (settings.replicas, settings.credentials) == (3, "/run/nats.creds")
    assert (settings.user, settings.password, settings.token) == (None, None, None)
    assert settings.where == "nats://a:4222,b:4223"


def test_an_encrypted_connection() -> None:
    assert parse("tls://a:4222").servers == ("tls://a:4222",)


def test_a_login_is_kept_apart() -> None:
    settings = parse("nats://shop:p%40ss%3Aw@a:4222,b")
    assert settings.servers == ("nats://a:4222", "nats://b")
    assert (settings.user, settings.password, settings.token) == ("shop", "p@ss:w", None)
    assert "p@ss" not in settings.where


def test_a_token_is_kept_apart() -> None:
    settings = parse("nats://t0ken@a:4222")
    assert (settings.user, settings.password, settings.token) == (None, None, "t0ken")


@pytest.mark.parametrize(
    "url",
    [
        "nats:a:4222",
        "nats://",
        "nats://a,,b",
        "nats://a:x",
        "nats://a:99999",
        "nats://a/STREAM",
        "nats://a?replicas=2",
        "nats://a?credentials=",
        "nats://a?storage=memory",
        "http://a:80",
        "memory:",
        "s3cret@a",
    ],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ServiceInvalid) as raised:
        parse(url)
    with pytest.raises(ServiceInvalid):
        engine_at(url, "shop")
    assert "s3cret" not in str(raised.value)


def test_what_is_wrong_with_a_login_in_it_does_not_tell_it() -> None:
    for url in ("nats://shop:s3cret@a/x", "postgresql://shop:s3cret@a/x"):
        with pytest.raises(ServiceInvalid) as raised:
            engine_at(url, "shop")
        assert "s3cret" not in str(raised.value)


def test_an_engine_is_made() -> None:
    assert isinstance(engine_at("nats://a:4222", "shop"), NatsEngine)


@pytest.mark.parametrize("name", ["a.b", "a b", "", "x" * 101, "Zoë", "a>b"])
def test_names_that_are_no_tokens_are_replaced(name: str) -> None:
    assert token(name).isalnum()
    assert token(name) != token(name + "x")


def test_plain_names_stay() -> None:
    assert token("shopping-cart_2") == "shopping-cart_2"
