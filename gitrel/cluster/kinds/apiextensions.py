"""CustomResourceDefinitions, as the API stores them; what they define is made in `api/crds`."""

from __future__ import annotations

from gitrel.cluster.api.crds import definition
from gitrel.cluster.kinds.kind import Kind, spec_of

KINDS = (
    Kind(
        definition.RESOURCE, "apiextensions.k8s.io/v1", "CustomResourceDefinition", namespaced=False,
        short_names=("crd", "crds"), categories=("api-extensions",), status=True, counted=spec_of,
        default=definition.default_definition, prepare=definition.prepare_definition,
        prepare_update=definition.prepare_definition_update, validate=definition.validate_definition,
        validate_update=definition.validate_definition_update,
        validate_status=definition.validate_definition_status, held=definition.held,
        terminating=definition.terminating, unconditional_update=False,
    ),
)  # fmt: skip
