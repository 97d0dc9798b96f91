"""FHIR exports: the types of resources, what exporters call their files, and what stands in them."""
