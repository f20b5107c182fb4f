"""gRPC-Web: gRPC for browsers, in an HTTP request and its response. Start at ``calls``; ``frames`` is the format."""

from cloudstate.runtime.proxy.grpc_web.calls import GrpcWeb

__all__ = ["GrpcWeb"]
