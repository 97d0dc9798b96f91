"""What people write first: list the bucket with `minio`, and `fget_object` each object, one after the other."""

from __future__ import annotations

import os
import sys
from itertools import islice
from pathlib import Path

from minio import Minio


def main(endpoint: str, bucket: str, folder: str, most: str) -> None:
    """Fetches the first `most` objects."""
    key, secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    client = Minio(endpoint=endpoint, access_key=key, secret_key=secret, secure=False, region="us-east-1")
    for found in islice(client.list_objects(bucket, recursive=True), int(most)):
        name = found.object_name or ""
        client.fget_object(bucket_name=bucket, object_name=name, file_path=str(Path(folder) / name))


if __name__ == "__main__":
    main(*sys.argv[1:])
