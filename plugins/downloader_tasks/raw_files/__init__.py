"""What the tasks of `s3_downloader` do: raw files of the catalogue, back from their S3 backup."""
