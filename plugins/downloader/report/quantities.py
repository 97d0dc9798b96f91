"""Amounts as people read them. The exact ones stand in a line's bracket (see `file_line`).

Not humanize's: its units and roundings differ from those of the reports, which have to stay as they are.
"""

from __future__ import annotations

from typing import Final

__all__ = ["shown_seconds", "shown_size"]

_KIB: Final = 1024
_MIB: Final = 1024 * 1024


def shown_size(size: int) -> str:
    """`size` bytes as ``512 B``, ``1.5 KB`` or ``1234.5 MB``; a KB is 1,024 bytes."""
    if size < _KIB:
        return f"{size} B"
    if size < _MIB:
        return f"{size / _KIB:.1f} KB"
    return f"{size / _MIB:.1f} MB"


def shown_seconds(seconds: float) -> str:
    """``45.2s``, without loss for seconds that are rounded to a tenth."""
    return f"{seconds + 0.0:.1f}s"  # adding zero removes the sign of a negative zero
