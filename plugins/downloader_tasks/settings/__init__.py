"""What the configuration and Airflow's connections say, in the engine's terms."""

from __future__ import annotations

from .configuration import (
    PROJECT,
    Configuration,
    ConfigurationError,
    Drive,
    LocationError,
    Locations,
    Slooh,
    load,
    writable_location,
)
from .configuration_file import read
from .connections import aws_access, catalogue, found, s3_access
from .notification import notify_failure
from .options import options, service_options

__all__ = [
    "PROJECT",
    "Configuration",
    "ConfigurationError",
    "Drive",
    "LocationError",
    "Locations",
    "Slooh",
    "aws_access",
    "catalogue",
    "found",
    "load",
    "notify_failure",
    "options",
    "read",
    "s3_access",
    "service_options",
    "writable_location",
]
