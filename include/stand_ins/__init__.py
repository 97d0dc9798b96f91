"""Servers that stand in for S3, Google Drive and Slooh, and what they serve."""
