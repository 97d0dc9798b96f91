"""FHIR resources, a line each as exporters write them: made up, plausible, about nobody, the same in every demo."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

__all__ = ["ndjson"]

Resource = dict[str, Any]
Coding = tuple[str, str]
"""A code and what it stands for."""

_PATIENTS: Final = 1_000
_PLACES: Final = 40
_FIRST: Final = datetime(2015, 1, 1, tzinfo=UTC)
_DAYS: Final = 3_600

_FAMILIES: Final = "Ahrens Bäcker Çelik Dubois Ferrari García Jansen Kowalski Müller Nielsen Okafor Wang".split()  # noqa: SIM905
_GIVEN: Final = "Anna Ben Chloé David Elif Femke Giulia Hugo Ines Jörg Marta Noah Søren Wei Zofia".split()  # noqa: SIM905
_TOWNS: Final = ("Aarhus", "Bremen", "Gdańsk", "Lyon", "Málaga", "München", "Torino", "Utrecht")
_WARDS: Final = ("Cardiology", "Emergency", "Intensive care", "Laboratory", "Paediatrics", "Radiology", "Surgery")

_LOINC: Final = "http://loinc.org"
_SNOMED: Final = "http://snomed.info/sct"
_MEASURED: Final = (
    (("8867-4", "Heart rate"), "/min", 48, 120),
    (("8310-5", "Body temperature"), "Cel", 35, 40),
    (("29463-7", "Body weight"), "kg", 3, 130),
    (("8302-2", "Body height"), "cm", 48, 201),
    (("2339-0", "Glucose [Mass/volume] in Blood"), "mg/dL", 60, 240),
    (("718-7", "Hemoglobin [Mass/volume] in Blood"), "g/dL", 7, 18),
)
_DIAGNOSES: Final = (
    ("38341003", "Hypertensive disorder"),
    ("44054006", "Diabetes mellitus type 2"),
    ("195967001", "Asthma"),
    ("233604007", "Pneumonia"),
)
_PROCEDURES: Final = (
    ("80146002", "Excision of appendix"),
    ("16310003", "Diagnostic ultrasonography"),
    ("268400002", "12 lead electrocardiogram"),
)
_DRUGS: Final = (
    ("314076", "lisinopril 10 MG Oral Tablet"),
    ("197361", "amlodipine 5 MG Oral Tablet"),
    ("617311", "atorvastatin 40 MG Oral Tablet"),
)
_VACCINES: Final = (("08", "Hep B, adolescent or pediatric"), ("115", "Tdap"), ("140", "Influenza, seasonal"))


def ndjson(kind: str, count: int, first: int = 1) -> bytes:
    """`count` resources of a type, a line each. `first` is the number of the first: their ids go on from there."""
    chance = Random(f"{kind}/{first}")
    make = _MADE[kind]
    numbers = range(first, first + count)
    lines = ({"resourceType": kind, "id": f"{kind.lower()}-{n}", **make(n, chance)} for n in numbers)
    return b"".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for line in lines)


def _organization(number: int, chance: Random) -> Resource:
    town = chance.choice(_TOWNS)
    ward = chance.choice(_WARDS)
    return {"active": True, "name": f"{town} hospital, {ward}", "address": [{"city": town}], "alias": [f"H{number:03}"]}


def _location(number: int, chance: Random) -> Resource:
    where = f"{chance.choice(_WARDS)}, room {number}"
    return {"status": "active", "name": where, "managingOrganization": _about("Organization", _PLACES, chance)}


def _patient(number: int, chance: Random) -> Resource:
    return {
        "identifier": [{"system": "urn:oid:2.16.840.1.113883.19.5", "value": f"{number:08}"}],
        "name": [{"family": chance.choice(_FAMILIES), "given": [chance.choice(_GIVEN), chance.choice(_GIVEN)]}],
        "gender": chance.choice(("female", "male", "other")),
        "birthDate": f"{1930 + chance.randrange(85)}-{1 + chance.randrange(12):02}-{1 + chance.randrange(28):02}",
        "address": [{"city": chance.choice(_TOWNS), "line": [f"{1 + chance.randrange(200)} Harbour Street"]}],
        "managingOrganization": _about("Organization", _PLACES, chance),
    }


def _encounter(_: int, chance: Random) -> Resource:
    code = chance.choice(("AMB", "EMER", "IMP"))
    return {
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code},
        "subject": _about("Patient", _PATIENTS, chance),
        "period": {"start": _moment(chance)},
        "location": [{"location": _about("Location", _PLACES, chance)}],
    }


def _observation(_: int, chance: Random) -> Resource:
    coding, unit, least, most = chance.choice(_MEASURED)
    value = round(chance.uniform(least, most), 1)
    return {
        "status": "final",
        "category": [_concept("http://terminology.hl7.org/CodeSystem/observation-category", ("exam", "Exam"))],
        "code": _concept(_LOINC, coding),
        "subject": _about("Patient", _PATIENTS, chance),
        "effectiveDateTime": _moment(chance),
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
    }


def _condition(_: int, chance: Random) -> Resource:
    status = _concept("http://terminology.hl7.org/CodeSystem/condition-clinical", ("active", "Active"))
    return {"clinicalStatus": status, **_of_patient(_SNOMED, _DIAGNOSES, chance), "onsetDateTime": _moment(chance)}


def _procedure(_: int, chance: Random) -> Resource:
    return {"status": "completed", **_of_patient(_SNOMED, _PROCEDURES, chance), "performedDateTime": _moment(chance)}


def _medication_request(_: int, chance: Random) -> Resource:
    return {
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": _concept("http://www.nlm.nih.gov/research/umls/rxnorm", chance.choice(_DRUGS)),
        "subject": _about("Patient", _PATIENTS, chance),
        "authoredOn": _moment(chance),
        "dosageInstruction": [{"text": f"{1 + chance.randrange(3)} a day"}],
    }


def _immunization(_: int, chance: Random) -> Resource:
    return {
        "status": "completed",
        "vaccineCode": _concept("http://hl7.org/fhir/sid/cvx", chance.choice(_VACCINES)),
        "patient": _about("Patient", _PATIENTS, chance),
        "occurrenceDateTime": _moment(chance),
        "lotNumber": f"{chance.randrange(16**6):06X}",
    }


_MADE: Final[dict[str, Callable[[int, Random], Resource]]] = {
    "Condition": _condition,
    "Encounter": _encounter,
    "Immunization": _immunization,
    "Location": _location,
    "MedicationRequest": _medication_request,
    "Observation": _observation,
    "Organization": _organization,
    "Patient": _patient,
    "Procedure": _procedure,
}


def _of_patient(system: str, codings: tuple[Coding, ...], chance: Random) -> Resource:
    return {"code": _concept(system, chance.choice(codings)), "subject": _about("Patient", _PATIENTS, chance)}


def _concept(system: str, coding: Coding) -> Resource:
    code, display = coding
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _about(kind: str, most: int, chance: Random) -> Resource:
    return {"reference": f"{kind}/{kind.lower()}-{1 + chance.randrange(most)}"}


def _moment(chance: Random) -> str:
    return (_FIRST + timedelta(days=chance.randrange(_DAYS), minutes=chance.randrange(1440))).isoformat()
