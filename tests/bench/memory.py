"""What a runtime takes: ``python -m tests.bench.memory [--entities N]``.

A real ``cloudstate run`` of the shopping cart. Resident memory is read when it serves, and again when it holds N carts
that have answered one command each.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.bench import __main__ as bench
from tests.processes import cart, server

BASE, ENTITY = 90 * 2**20, 3 * 1024


def resident(pid: int) -> int:
    """Resident bytes of a process."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def main() -> int:
    """Measure; the exit code says whether the promises hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.memory", description=__doc__)
    parser.add_argument("--entities", type=int, default=50_000)
    count = parser.parse_args().entities
    with tempfile.TemporaryDirectory() as folder, server(cart(f"sqlite:{folder}/m.db")) as (process, address):
        base = resident(process.pid)

        def ask(number: int) -> bytes:
            from shoppingcart.shoppingcart_pb2 import GetShoppingCart

            return GetShoppingCart(user_id=f"cart-{number}").SerializeToString()

        path = bench.SERVICE + "GetCart"
        warm = 2000
        bench._load(address, path, lambda number: ask(number), lambda number, reply: reply == b"", warm)
        before = resident(process.pid)
        bench._load(address, path, lambda number: ask(warm + number), lambda number, reply: reply == b"", count)
        each = (resident(process.pid) - before) / count
    print(f"base {base / 2**20:.0f} MiB, {each:,.0f} bytes for each of {count} idle carts")
    promises = {"base < 90 MB": base < BASE, "idle entity <= 3 KB": each <= ENTITY}
    for promise, kept in promises.items():
        print(f"{'kept  ' if kept else 'BROKEN'} {promise}")
    return 0 if all(promises.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
