"""What the tests of faults share."""

from support.fast_folder import tmp_path

__all__ = ["tmp_path"]
