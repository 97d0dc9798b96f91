"""The types of FHIR resources.

Source of the list: the resource lists of FHIR DSTU2, STU3, R4, R4B, R5 and the ballot of R6, joined.
fhir.resources has the types of a few of these releases only, as classes that take long to import. It is a module of its
own because the form of a DAG shows the list: whoever parses the DAG has to import nothing else.
"""

from __future__ import annotations

from typing import Final

__all__ = ["RESOURCE_TYPES", "UNKNOWN", "canonical_type"]

UNKNOWN: Final = "Unknown"
"""The type of a file whose key tells of none, or of several."""

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


def canonical_type(name: str) -> str | None:
    """``patient`` as ``Patient``; None if it is no type."""
    return _BY_LOWER.get(name.strip().lower())
