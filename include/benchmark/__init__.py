"""Ours against rclone, s5cmd, aws-cli, curl, minio-py and md5sum: each a process of its own, in turns, in one run."""
