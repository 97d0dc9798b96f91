"""One entry of `schedules.yaml`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from airflow.sdk import CronTriggerTimetable
from croniter import croniter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ..dag_ids import DAG_IDS, DagId

__all__ = ["Schedule"]

_FIELDS: Final = 5
_RANDOM: Final = re.compile(r"(?<![a-z])[hr](?![a-z])", re.IGNORECASE)
"""Croniter's fields that are drawn by chance: each parse would make another schedule."""


def _comes(cron: str) -> str:
    """`cron`. Raises ValueError where no time fits, or it is not of five fields."""
    fields = CronTriggerTimetable(cron, timezone="UTC").expression  # in which a preset is written out
    if len(fields.split()) != _FIELDS or _RANDOM.search(fields):
        raise ValueError("not five fields")
    croniter(fields).get_next()
    return cron


def _zone(name: str) -> str:
    """`name`. Raises ValueError where it is not the name of a time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError("no time zone") from error
    return name


class Schedule(BaseModel):
    """When which DAG is run, and with which parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$",
        max_length=100,
        description="a name of letters, digits, _ and -, at most 100 of them, such as nightly_fhir",
    )
    dag: DagId = Field(description=f"one of {', '.join(DAG_IDS)}")
    cron: Annotated[str, AfterValidator(_comes)] = Field(
        max_length=100,
        description=(
            'a time that comes, as five fields of cron, such as "0 3 * * *", or one of @hourly, @daily, @weekly, '
            "@monthly, @quarterly, @yearly"
        ),
    )
    timezone: Annotated[str, AfterValidator(_zone)] = Field(
        default="UTC", description="the name of a time zone in the database of IANA, such as Europe/Berlin"
    )
    conf: dict[str, Any] = Field(default={}, description="a group of parameters of the DAG")
    owner: str = Field(default="", max_length=100, description="a name of at most 100 characters")
    description: str = Field(default="", max_length=1000, description="a text of at most 1000 characters")
    enabled: bool = Field(default=True, description="true or false")
    paused: bool = Field(default=False, description="true or false")

    @property
    def dag_id(self) -> str:
        """The id of the DAG that is made of it."""
        return f"schedule_{self.name}"
