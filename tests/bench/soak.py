"""Entities come and go behind the proxy: ``python -m tests.bench.soak [--activations N] [--resident N]``.

A proxy and a user function in this process, over a real connection. Every activation is an entity that is not in
memory: its stream is opened, one command is answered, and when it is the longest idle of too many, it is passivated.
Memory has to stay flat, every stream has to end by a half-close, and none may be left.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import resource
import sys
import time
from collections import Counter
from pathlib import Path

from tests.conformance.protocol.scripted import proxied
from tests.processes import ROOT

from cloudstate.runtime.app.loading import load_functions
from cloudstate.runtime.description import load
from cloudstate.runtime.host import HostLimits
from cloudstate.runtime.support import UserFunction
from cloudstate.runtime.support.function import entity_spec
from cloudstate.runtime.transport import Method, StreamCall, StreamMethod

GET = "/com.example.shoppingcart.ShoppingCart/GetCart"
STREAM = "/cloudstate.eventsourced.EventSourced/handle"
IN_FLIGHT = 64


def memory() -> int:
    """Resident bytes of this process."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def get_cart(number: int) -> bytes:
    """A request for a cart."""
    from shoppingcart.shoppingcart_pb2 import GetShoppingCart  # the function's code is on the path by now

    return GetShoppingCart(user_id=f"user-{number}").SerializeToString()


class Counted:
    """The function's methods, with every entity's stream counted, and how it ended."""

    def __init__(self, function: UserFunction) -> None:
        self._function = function
        self.opened = 0
        self.ended: Counter[str] = Counter()

    def methods(self, path: str) -> Method | None:
        """See ``Server``."""
        method = self._function.methods(path)
        if path != STREAM or not isinstance(method, StreamMethod):
            return method
        handle = method.handle

        async def counted(call: StreamCall) -> None:
            self.opened += 1
            try:
                await handle(call)
            except BaseException as error:
                self.ended[type(error).__name__] += 1
                raise
            self.ended["half-close"] += 1

        return StreamMethod(counted)


async def soak(activations: int, resident: int) -> bool:
    """Run it; True if all is as it should be."""
    generated, code = ROOT / "generated" / "shopping-cart", ROOT / "specs" / "shopping-cart"
    description = load(generated)
    functions = load_functions(description, generated, code)
    counted = Counted(UserFunction(description, functions.entities, functions.actions))
    limits = HostLimits(residents=resident)
    samples: list[int] = []
    started = time.perf_counter()
    async with proxied(entity_spec(description), real=counted.methods, limits=limits) as stack:

        async def caller(first: int) -> None:
            for number in range(first, activations, IN_FLIGHT):
                await stack.client.unary(GET, get_cart(number), timeout=30)
                if first == 0 and number % (activations // 10 // IN_FLIGHT * IN_FLIGHT) == 0:
                    samples.append(memory())

        await asyncio.gather(*(caller(first) for first in range(IN_FLIGHT)))
        rate = activations / (time.perf_counter() - started)
        open_streams = counted.opened - sum(counted.ended.values())
    print(f"{activations} activations, {rate:,.0f}/s, {resident} resident, {counted.opened} streams")
    print("memory, MiB:", " ".join(f"{sample / 2**20:.0f}" for sample in samples))
    print(f"open at the end: {open_streams}; ended: {dict(counted.ended)}")
    late = samples[len(samples) // 4 :]
    promises = {
        "memory flat within 10 %": max(late) <= 1.1 * min(late),
        "as many streams as residents": open_streams <= resident + IN_FLIGHT,
        "half-closes only": set(counted.ended) <= {"half-close", "CancelledError"}
        and counted.ended["half-close"] >= activations - resident - IN_FLIGHT,
        "an activation for each": counted.opened == activations,
    }
    for promise, kept in promises.items():
        print(f"{'kept  ' if kept else 'BROKEN'} {promise}")
    return all(promises.values())


def main() -> int:
    """Run the soak; the exit code says whether it kept its promises."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.soak", description=__doc__)
    parser.add_argument("--activations", type=int, default=100_000)
    parser.add_argument("--resident", type=int, default=2000)
    options = parser.parse_args()
    return 0 if asyncio.run(soak(options.activations, options.resident)) else 1


if __name__ == "__main__":
    sys.exit(main())
