"""What the configuration and Airflow's connections say, in the engine's terms."""

from __future__ import annotations

from .aws_errors import aws_error
from .configuration import (
    PROJECT,
    SPEEDS,
    Configuration,
    ConfigurationError,
    LocationError,
    Locations,
    Notifier,
    load,
    readable_location,
    writable_location,
)
from .configuration_file import Document, KeyPath, Problem, read, shown_value
from .connections import (
    address_of,
    authority,
    aws_access,
    catalogue,
    catalogue_address,
    extra_of,
    find_connection,
    holds_aws_credentials,
    refuse_switched_off,
    s3_access,
    truth,
)
from .explaining import explain
from .options import service_options, transfer_options

__all__ = [
    "PROJECT",
    "SPEEDS",
    "Configuration",
    "ConfigurationError",
    "Document",
    "KeyPath",
    "LocationError",
    "Locations",
    "Notifier",
    "Problem",
    "address_of",
    "authority",
    "aws_access",
    "aws_error",
    "catalogue",
    "catalogue_address",
    "explain",
    "extra_of",
    "find_connection",
    "holds_aws_credentials",
    "load",
    "read",
    "readable_location",
    "refuse_switched_off",
    "s3_access",
    "service_options",
    "shown_value",
    "transfer_options",
    "truth",
    "writable_location",
]
