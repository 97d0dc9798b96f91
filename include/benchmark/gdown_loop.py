"""The peer in the case `drive`: `gdown.download` for each file of a manifest, one after the other.

gdown knows Google's addresses alone, so its requests are led to the stand-in underneath.

    python -m include.benchmark.gdown_loop MANIFEST URL FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gdown
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter


def lead_to(url: str) -> None:
    """Leads all requests to Google's hosts to `url`. What gdown sees keeps Google's address, for its cookies' sake."""
    plain = HTTPAdapter.send
    place = urlsplit(url)

    def send(self: HTTPAdapter, request: PreparedRequest, **more: Any) -> Response:
        asked = request.url or ""
        request.url = urlsplit(asked)._replace(scheme=place.scheme, netloc=place.netloc).geturl()
        try:
            answer = plain(self, request, **{**more, "verify": False})
        finally:
            request.url = asked
        answer.url = asked
        return answer

    HTTPAdapter.send = send  # type: ignore[assignment, method-assign]


def main(manifest: str, url: str, folder: str) -> None:
    """Fetches all of them."""
    lead_to(url)
    for dataset in json.loads(Path(manifest).read_text(encoding="utf-8"))["datasets"]:
        file = Path(folder) / dataset["path"]
        file.parent.mkdir(parents=True, exist_ok=True)
        gdown.download(id=dataset["id"], output=str(file), quiet=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
