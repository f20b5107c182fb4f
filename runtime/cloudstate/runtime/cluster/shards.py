"""Which shard an entity belongs to.

The hash is CRC-32 (the one of zip and Ethernet) of the id's UTF-8 bytes, modulo the number of shards: every language
has it, so clients and gateways can name the shard too. docs/cluster.md has test vectors.
"""

from __future__ import annotations

from zlib import crc32


def shard_of(entity_id: str, shards: int) -> int:
    """The shard of an entity, from 0 to ``shards - 1``; the same in every process, version and language."""
    return crc32(entity_id.encode("utf-8", "surrogatepass")) % shards


def shard_name(service: str, shard: int) -> str:
    """What a journal knows a shard by."""
    return f"{service}/{shard}"
