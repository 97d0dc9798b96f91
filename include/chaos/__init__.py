"""Restores over a network with faults, by processes that are killed, until all files are complete."""
