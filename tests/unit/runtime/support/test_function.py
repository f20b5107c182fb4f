"""What a function says of itself, and what it makes of a proxy that does not fit."""

from __future__ import annotations

import pytest
from tests.processes import ROOT

from cloudstate import entity_pb2 as pb
from cloudstate.runtime.app.loading import load_functions
from cloudstate.runtime.description import load
from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.support import UserFunction
from cloudstate.runtime.transport import Status, UnaryMethod

DISCOVER, REPORT = "/cloudstate.EntityDiscovery/discover", "/cloudstate.EntityDiscovery/reportError"
CONVERTER = load(ROOT / "generated" / "converter")
ACTION, EVENTS = "cloudstate.action.ActionProtocol", "cloudstate.eventsourced.EventSourced"


class Asked:
    """A unary call in memory, in the place of the transport's ``UnaryCall``."""

    peer = "proxy"

    def __init__(self) -> None:
        self.answer: bytes | Status | None = None

    def reply(self, payload: bytes) -> None:
        self.answer = payload

    def fail(self, status: Status) -> None:
        self.answer = status


def made(name: str) -> UserFunction:
    description = load(ROOT / "generated" / name)
    loaded = load_functions(description, ROOT / "generated" / name, ROOT / "specs" / name)
    return UserFunction(description, loaded.entities, loaded.actions)


@pytest.fixture
def function() -> UserFunction:
    return made("converter")


def ask(function: UserFunction, path: str, payload: bytes) -> bytes | Status | None:
    method, asked = function.methods(path), Asked()
    assert isinstance(method, UnaryMethod)
    method.handle(asked, payload)  # type: ignore[arg-type]
    return asked.answer


def discover(function: UserFunction, minor: int = 2, types: tuple[str, ...] = (ACTION, EVENTS)) -> pb.EntitySpec:
    info = pb.ProxyInfo(protocol_minor_version=minor, proxy_name="other", supported_entity_types=types)
    answer = ask(function, DISCOVER, info.SerializeToString())
    assert isinstance(answer, bytes)
    return pb.EntitySpec.FromString(answer)


def test_a_proxy_that_fits_is_told_everything(function: UserFunction, caplog: pytest.LogCaptureFixture) -> None:
    spec = discover(function)
    assert [(entity.service_name.rpartition(".")[2], entity.entity_type) for entity in spec.entities] == [
        ("Converter", ACTION),
        ("Counter", EVENTS),
    ]
    assert not spec.entities[0].HasField("passivation_strategy")
    assert spec.entities[1].passivation_strategy.timeout.timeout == 30_000
    info = spec.service_info
    assert (info.service_name, info.support_library_name) == ("converter", "cloudstate-py")
    assert (info.protocol_major_version, info.protocol_minor_version) == (0, 2)
    assert [record.levelname for record in caplog.records if record.levelname != "INFO"] == []


def test_a_proxy_that_does_not_fit_is_answered_and_logged(
    function: UserFunction, caplog: pytest.LogCaptureFixture
) -> None:
    assert discover(function, 1, (ACTION,)) == discover(function)
    assert "the proxy speaks protocol 0.1, this is 0.2" in caplog.text
    assert f"the proxy does not support these entity types: {EVENTS}" in caplog.text


def test_what_a_proxy_reports_is_an_error_in_the_log(function: UserFunction, caplog: pytest.LogCaptureFixture) -> None:
    assert ask(function, REPORT, pb.UserFunctionError(message="no key").SerializeToString()) == b""
    [record] = caplog.records
    assert (record.levelname, record.getMessage()) == ("ERROR", "Error reported from sidecar: no key")


@pytest.mark.parametrize("path", [DISCOVER, REPORT])
def test_bytes_that_are_no_message(function: UserFunction, path: str) -> None:
    answer = ask(function, path, b"\xff")
    assert isinstance(answer, Status)
    assert answer.code is StatusCode.INVALID_ARGUMENT


def test_only_the_protocols_in_use_are_served(function: UserFunction) -> None:
    assert made("wallet").methods("/cloudstate.eventsourced.EventSourced/handle") is None
    assert function.methods("/cloudstate.eventsourced.EventSourced/handle") is not None
    assert function.methods("/cloudstate.crdt.Crdt/handle") is None
