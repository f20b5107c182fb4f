"""The test kit for authors of entities: run commands against an entity without a server.

cart = EntityHarness(ShoppingCart())
cart.command("AddItem", AddLineItem(user_id="u", product_id="p", name="Pen", quantity=2))
assert cart.state.items[0].quantity == 2
"""

from cloudstate.runtime.testing.action_harness import ActionHarness
from cloudstate.runtime.testing.crdt_harness import CrdtHarness, StreamedCall
from cloudstate.runtime.testing.entity_harness import EntityHarness

__all__ = ["ActionHarness", "CrdtHarness", "EntityHarness", "StreamedCall"]
