"""HTTP/JSON as google.api.http describes it. Start reading at ``api.py``."""

from cloudstate.runtime.proxy.transcoding.api import HttpApi
from cloudstate.runtime.proxy.transcoding.failure import HTTP_STATUS

__all__ = ["HTTP_STATUS", "HttpApi"]
