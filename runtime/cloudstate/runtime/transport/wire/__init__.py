"""What gRPC puts on top of HTTP/2, without any input or output: neither asyncio nor an HTTP/2 engine is imported here.

Start reading at ``framing``; the rest translates one header each: ``status``, ``metadata``, ``timeout``, ``head``.
"""
