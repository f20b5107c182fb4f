"""Many processes that serve one service: who they are, who owns which shard, and how a command gets to the owner."""
