"""GetObjectAttributes, sent so that no answer is too long.

A server that does not know the request sends the object itself (Ceph's gateway did), and boto3 would read it to its
end into memory. So the answer is read here, as far as one can be long.
"""

from __future__ import annotations

from functools import partial
from io import BytesIO
from typing import Any, Final

from botocore.awsrequest import AWSResponse
from botocore.response import StreamingBody

from ...checksums import MIB
from .foreign import ForeignAnswer
from .transport import session_of

__all__ = ["PARTS_AT_ONCE", "bound_attributes"]

PARTS_AT_ONCE: Final = 1000
"""Parts of one answer: no server gives more."""
_LONGEST: Final = 2 * MIB
"""Bytes of an answer. One of 1,000 parts has about 250,000."""
_HEAD: Final = 1024
_ROOT: Final = b"objectattributes"
"""In the name of the outermost tag, whoever writes it."""


class NoAttributes(ForeignAnswer):
    """Something else than the attributes of an object."""

    why = "its answer is not the attributes of an object"


class _Body(BytesIO):
    """Bytes that were read, as botocore reads them."""

    def stream(self) -> list[bytes]:
        return [self.read()]


def bound_attributes(client: Any) -> None:
    """Makes a boto3 client raise ForeignAnswer where GetObjectAttributes is answered with something else."""
    client.meta.events.register(
        "before-send.s3.GetObjectAttributes", partial(_send, client), unique_id="downloader-attributes"
    )


def _send(client: Any, request: Any, **_: object) -> AWSResponse:
    request.stream_output = True
    answer = session_of(client).send(request)
    try:
        data = StreamingBody(answer.raw, None).read(_LONGEST + 1)  # type: ignore[arg-type]  # as botocore itself does
    finally:
        answer.raw.close()
    if answer.status_code < 300 and (len(data) > _LONGEST or _ROOT not in data[:_HEAD].lower()):
        raise NoAttributes
    return AWSResponse(answer.url, answer.status_code, answer.headers, _Body(data))
