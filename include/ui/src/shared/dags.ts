/** The DAGs that download. */
export const DAGS = ["s3_downloader", "minio_downloader", "drive_datasets", "slooh_images"] as const;
