"""The management port: who may have a process drained."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request

import pytest

from cloudstate.runtime.app.management import Management


class Drained:
    """Counts."""

    times = 0

    async def drain(self) -> None:
        self.times += 1


async def asked(port: int, method: str) -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/drain", method=method)
    try:
        answer = await asyncio.to_thread(urllib.request.urlopen, request, timeout=10)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    with answer:
        return answer.status, answer.read().decode()


@pytest.mark.parametrize(
    ("host", "method", "status", "times"),
    [("127.0.0.1", "POST", 200, 1), ("127.0.0.1", "GET", 405, 0), ("0.0.0.0", "POST", 403, 0)],
)
async def test_who_is_on_the_machine_may_drain(host: str, method: str, status: int, times: int) -> None:
    drained = Drained()
    management = Management(tuple, lambda: True, drained.drain)
    port = await management.listen(host, 0)
    try:
        assert (await asked(port, method))[0] == status
        assert drained.times == times
    finally:
        await management.close()
