"""Which type of resource a file's key tells of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.fhir import RESOURCE_TYPES, UNKNOWN, canonical_type, type_of

types = st.sampled_from(sorted(RESOURCE_TYPES))
numbers = st.text("0123456789", min_size=1, max_size=6)
endings = st.sampled_from([".ndjson", ".ndjson.gz", ".NDJSON", ".ndjson.GZ"])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        # What exporters write: HAPI, Smart, Google, Azure, Epic, Cerner, Synthea, bulk-data-client, aidbox.
        ("Patient.ndjson", "Patient"),
        ("Patient-0.ndjson", "Patient"),
        ("Patient_001.ndjson", "Patient"),
        ("1.Patient.ndjson", "Patient"),
        ("Patient.000.ndjson", "Patient"),
        ("exports/2024/Observation.ndjson", "Observation"),
        ("Patient-1.ndjson.gz", "Patient"),
        ("0001.Observation.part-00002.ndjson", "Observation"),
        ("2024-06-01T12:00:00Z_Encounter_3.ndjson", "Encounter"),
        ("patient.ndjson", "Patient"),
        ("PATIENT_1.ndjson", "Patient"),
        ("medicationrequest-2.ndjson", "MedicationRequest"),
        # The longest words count, not their parts.
        ("MedicationRequest.ndjson", "MedicationRequest"),
        ("Medication.ndjson", "Medication"),
        ("ObservationDefinition.ndjson", "ObservationDefinition"),
        ("medication_request.ndjson", "MedicationRequest"),
        ("Medication-Request-1.ndjson", "MedicationRequest"),
        ("explanation of benefit.ndjson", "ExplanationOfBenefit"),
        ("medication.request.ndjson", "Medication"),
        # Many of them, and parts of a word: MIMIC-IV on FHIR, Synthea.
        ("patients.ndjson", "Patient"),
        ("Patients.ndjson", "Patient"),
        ("ImagingStudies-1.ndjson", "ImagingStudy"),
        ("allergy_intolerances.ndjson", "AllergyIntolerance"),
        ("PatientExport.ndjson", "Patient"),
        ("MimicPatient.ndjson.gz", "Patient"),
        ("MimicObservationLabevents.ndjson.gz", "Observation"),
        ("MimicEncounterICU.ndjson.gz", "Encounter"),
        ("MimicMedicationAdministrationICU.ndjson.gz", "MedicationAdministration"),
        ("MimicMedicationMix.ndjson.gz", "Medication"),
        ("MimicSpecimenLab.ndjson.gz", "Specimen"),
        ("USCoreCondition.ndjson", "Condition"),
        ("practitionerInformation1700000000.ndjson", "Practitioner"),
        ("hospitalInformation1700000000.ndjson", UNKNOWN),
        # The group of an export, before the type.
        ("Group_7_Condition.ndjson", "Condition"),
        ("group-7-condition.ndjson", "Condition"),
        ("Group-7.Group.ndjson", "Group"),
        ("Group.ndjson", "Group"),
        # What is spelled as a type is goes first.
        ("list of Patient.ndjson", "Patient"),
        ("group-1-Observation.ndjson", "Observation"),
        ("lists_of_Patients.ndjson", "Patient"),
        # Two types are none.
        ("Patient_Observation.ndjson", UNKNOWN),
        ("PatientObservation.ndjson", UNKNOWN),
        ("PatientList.ndjson", UNKNOWN),
        ("list-group.ndjson", UNKNOWN),
        ("Condition/Patient_Observation.ndjson", UNKNOWN),
        # The folder, where the name has none: Spark, HealthLake, Azure.
        ("Patient/part-00000-0b1c.ndjson", "Patient"),
        ("Patient.ndjson/0.ndjson", "Patient"),
        ("exports/patients/0001.ndjson", "Patient"),
        ("a/resourceType=Patient/part-0.ndjson", "Patient"),
        ("Patient/year=2024/month=01/part-0.ndjson.gz", "Patient"),
        ("Patient/2024-01-31/part-0.ndjson", "Patient"),
        ("Patient/2024/01/31/part-0.ndjson", "Patient"),
        ("Group_7/Condition/part-0.ndjson", "Condition"),
        ("Group/part-0.ndjson", "Group"),
        ("Group/7/part-0.ndjson", UNKNOWN),
        ("Patient/0815/part-0.ndjson", UNKNOWN),
        ("Patient export/part-0.ndjson", UNKNOWN),
        ("MimicPatient/part-0.ndjson", UNKNOWN),
        ("Bundle/Condition.ndjson", "Condition"),
        ("Observation/Patient-1.ndjson", "Patient"),
        ("123-FHIR_EXPORT-0b1c/Patient/Patient-0.ndjson", "Patient"),
        ("export-2026-01-01/Patient_0.ndjson", "Patient"),
        ("20260101T120000Z-0b1c/Patient-1.ndjson", "Patient"),
        ("Patient-00001-of-00003.ndjson", "Patient"),
        ("Patient-1-of-3.ndjson", "Patient"),
        ("Patient.0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0.ndjson", "Patient"),
        ("part-00000.ndjson", UNKNOWN),
        ("export.ndjson", UNKNOWN),
        ("unknown.ndjson", UNKNOWN),
        ("unknown-patient.ndjson", "Patient"),
        (".ndjson", UNKNOWN),
        ("", UNKNOWN),
        ("Pätient.ndjson", UNKNOWN),
        ("Größe Observation.ndjson", "Observation"),
        ("exports%2F2024%2fPatient.ndjson", "Patient"),
        ("%2FFlag%20%2B1.ndjson", "Flag"),
        ("100%Device.ndjson", "Device"),
        ("Patient%20export.ndjson", "Patient"),
    ],
)
def test_the_type_is_read_off_the_name(name: str, kind: str) -> None:
    assert type_of(name) == kind


@given(types, numbers, endings, st.sampled_from(["-", "_", ".", " ", "__"]), st.sampled_from(["", "a/", "Slot/b/"]))
def test_any_type_between_numbers(kind: str, number: str, ending: str, dash: str, folder: str) -> None:
    for name in (kind, f"{kind}{dash}{number}", f"{number}{dash}{kind}", f"{number}{dash}{kind}{dash}{number}"):
        assert type_of(f"{folder}{name}{ending}") == kind
        assert type_of(f"{folder}{name.lower()}{ending}") == kind


@given(types, st.sampled_from(["Mimic", "US", "x"]), st.sampled_from(["", "Labevents", "ICU"]))
def test_any_type_between_parts_of_a_word(kind: str, before: str, behind: str) -> None:
    assert type_of(f"{before}{kind}{behind}.ndjson") in {kind, UNKNOWN}


@given(types, st.sampled_from(["", "a/"]))
def test_any_type_as_a_folder(kind: str, above: str) -> None:
    assert type_of(f"{above}{kind}/part-00000.ndjson") == kind


@given(st.text())
def test_any_name_has_a_type(name: str) -> None:
    assert type_of(name) in {*RESOURCE_TYPES, UNKNOWN}


@given(types, st.sampled_from([str.lower, str.upper, str.title, str]), st.sampled_from(["", " ", "\t"]))
def test_any_spelling_has_its_official_one(kind: str, spell: type[str], space: str) -> None:
    assert canonical_type(f"{space}{spell(kind)}{space}") == kind


@pytest.mark.parametrize("name", ["", "Patients", "Pati ent", "P\u0430tient", "pat\u0131ent"])
def test_what_is_no_type(name: str) -> None:
    assert canonical_type(name) is None


def test_files_of_no_type_can_be_asked_for() -> None:
    assert canonical_type(" UNKNOWN ") == UNKNOWN


def test_the_list_holds_the_types_of_all_releases() -> None:
    """One that was dropped, one that came, of each: DSTU2, STU3, R4, R4B, R5, R6."""
    assert {
        "Conformance", "DiagnosticOrder", "BodySite", "ProcedureRequest", "ReferralRequest",
        "MedicinalProduct", "CatalogEntry", "NutritionProduct", "DocumentManifest",
        "Transport", "GenomicStudy", "InventoryItem", "RequestOrchestration", "DeviceAlert",
        "MolecularDefinition", "PersonalRelationship",
    } <= RESOURCE_TYPES  # fmt: skip
    assert all(name.isascii() and name.isalpha() and name[0].isupper() for name in RESOURCE_TYPES)
    assert len({name.lower() for name in RESOURCE_TYPES}) == len(RESOURCE_TYPES)


@given(st.text("Patientgroup0123456789-_ ./!é=", max_size=30), numbers, endings)
def test_digits_of_a_name_divide_its_words_as_any_sign_does(name: str, number: str, ending: str) -> None:
    """So that of numbered exports one is looked at."""
    name = f"{name.rpartition('/')[2]}{number}Patient{number}"
    divided = "".join("!" if letter.isdecimal() else letter for letter in name)
    assert type_of(f"x/{name}{ending}") == type_of(f"x/{divided}{ending}")


def test_digits_of_an_encoding_are_more_than_that() -> None:
    assert type_of("a%2FPatient.ndjson") == type_of("a%3APatient.ndjson") == "Patient"
    assert type_of("Imaging%20Study.ndjson") == "ImagingStudy"
    assert type_of("Imaging%10Study.ndjson") == UNKNOWN
