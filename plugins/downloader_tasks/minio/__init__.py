"""What the tasks of `minio_downloader` do: FHIR exports of a bucket of MinIO."""
