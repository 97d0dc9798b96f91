"""Uploads in parts that are far smaller than S3 takes."""

from __future__ import annotations

from typing import Any

from include.stand_ins.s3_servers import S3Server

__all__ = ["upload_in_parts"]


def upload_in_parts(
    server: S3Server, bucket: str, key: str, parts: list[bytes], algorithm: str | None = "SHA256", **more: Any
) -> str:
    """A multipart upload; answers the ETag. `algorithm`: of the checksums of the parts; None: they have none.

    moto must take parts of that size (``moto.s3.models.S3_UPLOAD_PART_MIN_SIZE``).
    """
    client, place = server.client(), {"Bucket": bucket, "Key": key}
    checksums: dict[str, Any] = {"ChecksumAlgorithm": algorithm} if algorithm else {}
    upload = client.create_multipart_upload(**place, **checksums, **more)["UploadId"]
    done = []
    for number, data in enumerate(parts, start=1):
        answer = client.upload_part(**place, UploadId=upload, PartNumber=number, Body=data, **checksums)
        kept = {name: value for name, value in answer.items() if name == "ETag" or name.startswith("Checksum")}
        done.append({"PartNumber": number, **kept})
    return str(client.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": done})["ETag"])
