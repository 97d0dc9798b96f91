"""The types of FHIR resources, and the type that a file's name contains.

Source of the list: the resource lists of FHIR DSTU2, STU3, R4, R4B, R5 and the ballot of R6, joined.
fhir.resources has the types of a few of these releases only, as classes that take long to import.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["RESOURCE_TYPES", "UNKNOWN", "canonical_type", "type_of"]

UNKNOWN: Final = "Unknown"
"""The type of a file whose name contains none."""

RESOURCE_TYPES: Final = frozenset(  # a plain list is easier to read
    """
    Account ActivityDefinition ActorDefinition AdministrableProductDefinition AdverseEvent AllergyIntolerance
    Appointment AppointmentResponse ArtifactAssessment AuditEvent Basic Binary BiologicallyDerivedProduct
    BiologicallyDerivedProductDispense BodySite BodyStructure Bundle CapabilityStatement CarePlan CareTeam
    CatalogEntry ChargeItem ChargeItemDefinition Citation Claim ClaimResponse ClinicalAssessment ClinicalImpression
    ClinicalUseDefinition ClinicalUseIssue CodeSystem Communication CommunicationRequest CompartmentDefinition
    Composition ConceptMap Condition ConditionDefinition Conformance Consent Contract Coverage
    CoverageEligibilityRequest CoverageEligibilityResponse DataElement DetectedIssue Device DeviceAlert
    DeviceAssociation DeviceComponent DeviceDefinition DeviceDispense DeviceMetric DeviceRequest DeviceUsage
    DeviceUseRequest DeviceUseStatement DiagnosticOrder DiagnosticReport DocumentManifest DocumentReference
    EffectEvidenceSynthesis EligibilityRequest EligibilityResponse Encounter EncounterHistory Endpoint
    EnrollmentRequest EnrollmentResponse EpisodeOfCare EventDefinition Evidence EvidenceReport EvidenceVariable
    ExampleScenario ExpansionProfile ExplanationOfBenefit FamilyMemberHistory Flag FormularyItem GenomicStudy Goal
    GraphDefinition Group GuidanceResponse HealthcareService ImagingManifest ImagingObjectSelection ImagingSelection
    ImagingStudy Immunization ImmunizationEvaluation ImmunizationRecommendation ImplementationGuide Ingredient
    InsurancePlan InsuranceProduct InventoryItem InventoryReport Invoice Library Linkage List Location
    ManufacturedItemDefinition Measure MeasureReport Media Medication MedicationAdministration MedicationDispense
    MedicationKnowledge MedicationOrder MedicationRequest MedicationStatement MedicinalProduct
    MedicinalProductAuthorization MedicinalProductContraindication MedicinalProductDefinition
    MedicinalProductIndication MedicinalProductIngredient MedicinalProductInteraction MedicinalProductManufactured
    MedicinalProductPackaged MedicinalProductPharmaceutical MedicinalProductUndesirableEffect MessageDefinition
    MessageHeader MolecularDefinition MolecularSequence NamingSystem NutritionIntake NutritionOrder NutritionProduct
    Observation ObservationDefinition OperationDefinition OperationOutcome Order OrderResponse Organization
    OrganizationAffiliation PackagedProductDefinition Parameters Patient PaymentNotice PaymentReconciliation
    Permission Person PersonalRelationship PlanDefinition Practitioner PractitionerRole Procedure ProcedureRequest
    ProcessRequest ProcessResponse Provenance Questionnaire QuestionnaireResponse ReferralRequest
    RegulatedAuthorization RelatedPerson RequestGroup RequestOrchestration Requirements ResearchDefinition
    ResearchElementDefinition ResearchStudy ResearchSubject RiskAssessment RiskEvidenceSynthesis Schedule
    SearchParameter Sequence ServiceDefinition ServiceRequest Slot Specimen SpecimenDefinition StructureDefinition
    StructureMap Subscription SubscriptionStatus SubscriptionTopic Substance SubstanceAmount SubstanceDefinition
    SubstanceNucleicAcid SubstancePolymer SubstanceProtein SubstanceReferenceInformation SubstanceSourceMaterial
    SubstanceSpecification SupplyDelivery SupplyRequest Task TerminologyCapabilities TestPlan TestReport TestScript
    Transport ValueSet VerificationResult ViewDefinition VisionPrescription
    """.split()  # noqa: SIM905
)

_BY_LOWER: Final = {name.lower(): name for name in (*RESOURCE_TYPES, UNKNOWN)}
_WORDS: Final = re.compile(r"[A-Za-z]+")
_ENCODED: Final = re.compile(r"%2[0-9a-f]", re.IGNORECASE)
"""Spaces, slashes and the like in URL encoding: some uploaders leave them in keys. Their letters belong to no word."""


def canonical_type(name: str) -> str | None:
    """``patient`` as ``Patient``; None if it is no type."""
    return _BY_LOWER.get(name.strip().lower())


def type_of(name: str) -> str:
    """The type in a file's name: ``Patient`` for ``1.Patient.ndjson``, else `UNKNOWN`.

    The first word that is spelled like a type; if there is none, the first that is one in another case. The ending does
    not count.
    """
    stem = re.sub(r"\.ndjson(\.gz)?$", "", name.rpartition("/")[2], flags=re.IGNORECASE)
    words = _WORDS.findall(_ENCODED.sub(" ", stem))
    exact = (word for word in words if word in RESOURCE_TYPES)
    loose = (found for word in words if (found := canonical_type(word)) and found != UNKNOWN)
    return next(exact, None) or next(loose, UNKNOWN)
