"""The task `download`: brings one shard home, and hands over what became of each of its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..execution import Attempt, conclude
from ..failures import airflow_errors
from ..settings import catalogue, load, options, s3_access
from ..shards import PlanChanged, Shard
from .request import RawFileRequest
from .restores import find_restore

if TYPE_CHECKING:
    from downloader.sources.s3 import S3Source

__all__ = ["download"]


def download(shard: dict[str, Any], context: Mapping[str, Any]) -> None:
    """Restores the slice that `shard` describes.

    Hands its results over as the XCom `RESULTS`, while it runs and at the end, whatever the end is. Raises
    AirflowException where another try may bring home what this one could not, AirflowFailException where none will.
    """
    with airflow_errors():
        wanted = Shard.from_xcom(shard)
        configuration = load()
        request = RawFileRequest.from_params(context["params"])
        with catalogue(configuration) as records:
            found = find_restore(records, configuration, wanted.raw_file_id, request.patterns)
        attempt = Attempt({"raw_file_id": wanted.raw_file_id, "start": wanted.start}, wanted.fingerprint, context)
        planned = wanted.cut(found.plan)
        if planned is None:
            attempt.refuse(PlanChanged(f"the record of raw file {wanted.raw_file_id} was changed after the run began"))
        bucket, destination = found.upload.bucket, found.destination
        del found  # it holds the whole record, and the download may take hours

        def connect() -> S3Source:
            from downloader.sources.s3 import S3Source

            return S3Source(bucket, planned, s3_access(configuration))

        source = attempt.prepared(connect, destination, destination.parent)
        results = attempt.restore(planned, source, destination, options(configuration.transfer))
        conclude(results, context)
