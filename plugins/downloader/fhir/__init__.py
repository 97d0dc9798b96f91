"""Names and types of FHIR exports."""

from __future__ import annotations

from ..fhir_types import RESOURCE_TYPES, UNKNOWN, canonical_type
from .exports import ExportLayout, NameLevel, is_export
from .resource_types import type_of

__all__ = ["RESOURCE_TYPES", "UNKNOWN", "ExportLayout", "NameLevel", "canonical_type", "is_export", "type_of"]
