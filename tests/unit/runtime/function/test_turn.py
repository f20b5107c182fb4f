"""What a handler may return."""

from __future__ import annotations

from typing import Any, cast

import pytest
from google.protobuf.empty_pb2 import Empty

from cloudstate.runtime.authoring.context import Context
from cloudstate.runtime.function.binding import Handler
from cloudstate.runtime.function.caller import Caller
from cloudstate.runtime.function.turn import action_of


class Cart:
    def add_item(self, command: Empty, ctx: Any) -> Any:
        return {"not": "a message"}


def test_a_wrong_result_names_the_method_and_what_it_has_to_return() -> None:
    handler = Handler("AddItem", Cart().add_item, Empty, reads_only=False, caller=Caller())
    with pytest.raises(TypeError) as told:
        action_of(handler, handler.call(Empty(), None), cast(Context, None))
    assert str(told.value) == "`Cart.add_item` returned dict; it must return Empty or a forward"
