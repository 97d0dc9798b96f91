"""The destination's disk: part files, commits, flushing, reading and writing."""

from __future__ import annotations

from .case_folding import folds_case, refuse_folded
from .commit_group import WholeFile, commit
from .destination import Destination, Place
from .flushing import flush_all, flush_file, flush_folder
from .nameless_file import HeldFolders, NamelessFile, NoNamelessFiles, lost_with_their_folders
from .part_file import PartFile, part_size, refusal
from .part_names import part_name
from .reading import digest_of, hash_bytes, hash_parts, open_for_reading, side_by_side
from .stale_part_files import StalePartFiles
from .writing import WriteBehind

__all__ = [
    "Destination",
    "HeldFolders",
    "NamelessFile",
    "NoNamelessFiles",
    "PartFile",
    "Place",
    "StalePartFiles",
    "WholeFile",
    "WriteBehind",
    "commit",
    "digest_of",
    "flush_all",
    "flush_file",
    "flush_folder",
    "folds_case",
    "hash_bytes",
    "hash_parts",
    "lost_with_their_folders",
    "open_for_reading",
    "part_name",
    "part_size",
    "refusal",
    "refuse_folded",
    "side_by_side",
]
