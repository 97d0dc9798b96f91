-- The catalogue of raw files: what s3_downloader needs to know to bring a backup home.
--
-- Runs unchanged on SQLite and PostgreSQL:
--     sqlite3 catalogue.db < include/catalogue.sql
--     psql "$DATABASE" -f include/catalogue.sql
--
-- The downloader only ever reads it. A view of this name and shape over tables of your own serves as well. Give the
-- downloader's user no more than it needs (PostgreSQL):
--     GRANT SELECT ON raw_file TO downloader;
--
-- id              What a user asks for: {"raw_file_id": "20250115_sample"}.
-- project_id      The folder below locations.output that the files go to. Null, '' and '_FALLBACK' mean no project: such
--                 a raw file cannot be restored.
-- s3_upload_path  Where it lies in S3: 'bucket', 'bucket/prefix/' or 's3://bucket/prefix/'. Null: never uploaded.
-- backup_status   How far the backup is: 'upload_done', 'upload_in_progress', ... A raw file that is named is restored
--                 whatever it says; of a project those with 'upload_done' are.
-- file_info       The files, as JSON: relative path -> [size in bytes, MD5], or [size, MD5, ETag] with the size of the
--                 upload's parts in MiB behind two underscores. What is not known is null.
--                     {"sample.d/analysis.tdf": [1048576, "9b2cf535f27731c974343645a3985328"],
--                      "sample.d/frames.bin": [1782579200, "5d41402abc4b2a76b9719d911017c592",
--                                              "0cc175b9c0f1b6a831c399e269772661-17__100"]}
--
-- The index is for {"project_id": "PRID001"}; without it the whole table is read.
--
-- These words stand outside the statement because SQLite keeps what is inside it, and trips over it in ALTER TABLE.

CREATE TABLE IF NOT EXISTS raw_file (
    id              VARCHAR(255) NOT NULL PRIMARY KEY,
    project_id      VARCHAR(255),
    s3_upload_path  VARCHAR(2000),
    backup_status   VARCHAR(64),
    file_info       JSON
);

CREATE INDEX IF NOT EXISTS raw_file_of_project ON raw_file (project_id, backup_status, id);
