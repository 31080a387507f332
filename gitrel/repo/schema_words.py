"""What each field of the files that people write means: one sentence a field, for editors and for the docs.

Fields that mean the same in several kinds are said once. A test fails for a field that is not here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

WORDS: Mapping[str, str] = {
    "apiVersion": "Always `gitrel.dev/v1alpha1`.",
    "kind": "What the document is.",
    "metadata": "Name, labels and annotations.",
    "sops": "What SOPS writes where it encrypted parameters; never written by hand.",
    "spec": "What is asked.",
    "Metadata.name": "The name; it must be that of the file or folder.",
    "labels": "Labels that selectors of waves can match.",
    "annotations": "Anything; gitrel does not read it.",
    "parameters": "Values that templates read as `parameters.NAME`; later layers win, maps merge.",
    "flags": "Feature flags, true or false, that templates read as `flags.NAME`.",
    "waves": "The order of the environments; left out, stages go first, then the region with the least "
    "traffic, then the one with the most, then all the rest.",
    "signatures": "Whether commits, and the tags that something rests on, must be signed to count.",
    "required": "Refuse commits without a good signature by a known signer.",
    "defaults": "Timers and limits of every component that does not set its own.",
    "maxActiveVersions": "How many versions of one component may be live at once.",
    "kubernetesVersion": "The Kubernetes that manifests are validated against.",
    "matchLabels": "Labels that an environment must have.",
    "minReadySeconds": "How long everything must stay Current before the soak starts.",
    "meanTimeToSmoke": "How long it takes, on average, until a problem in a release is discovered.",
    "soakFactor": "The soak is this many times `meanTimeToSmoke`.",
    "progressDeadline": "How long becoming Current, a stage or a hook may take before it has failed.",
    "maxRestarts": "Container restarts during the soak beyond which it has failed.",
    "maxSetbacks": "How often readiness may be lost again before the environment has failed.",
    "driftPolicy": "`heal` puts right what others change in what was applied, `report` only tells. The "
    "component's word counts before the environment's, and that before the pipeline's.",
    "onFailure": "`rollback` goes back by a commit; `hold` stops and leaves it to a person.",
    "soakFirstRelease": "Whether the very first release of a component in an environment soaks too.",
    "pruneLimit": "Objects that one apply may delete: a count, or a percentage of the inventory, rounded "
    "down, at least 1; or both (`10, 30%`), and then the smaller counts.",
    "pruneKinds": "Kinds that are deleted when they leave the release although they take data or other "
    "objects with them; none if left out.",
    "recreateKinds": "Kinds whose objects are deleted and made anew where a field changes that the server "
    "does not let change; none if left out.",
    "health": "Rules for the health of this component's objects, one for each kind, in place of the "
    "built-in ones.",
    "group": "The API group of the kind, such as `example.com`; left out for the core kinds.",
    "HealthFields.kind": "The kind that the rule is for.",
    "healthy": "An expression (CEL) over `object` that is true when the object is well.",
    "failed": "An expression that is true when the object will not become well by itself.",
    "progressing": "An expression that is true while the object is on its way, whatever `healthy` says.",
    "message": "An expression that gives text: what people are told about the object.",
    "WaveFields.name": "The wave's name.",
    "environments": "The wave's environments by name.",
    "selector": "The wave's environments by their labels: all that no wave names.",
    "maxParallel": "How many of the wave's environments may be under way at once: a count, or a percentage "
    "rounded down, at least 1.",
    "role": "`stage` or `region`.",
    "cluster": "Which cluster it is: `embedded` or `kubernetes`.",
    "namespace": "Where the objects go; a component may name another.",
    "traffic": "The share of the world's traffic, in any unit.",
    "embedded": "The bundled Kubernetes, kept beside the repository under `.gitrel/`.",
    "kubernetes": "A real cluster.",
    "nodes": "How many nodes the bundled cluster has.",
    "behaviours": "What images do in the bundled cluster, by image pattern; the last rule that matches wins.",
    "context": "A context of the operator's kubeconfig.",
    "impersonate": "Whom to act as in the cluster; the operator's own word wins.",
    "user": "The user to act as.",
    "groups": "Groups to act in.",
    "uid": "The user's UID, where admission asks for it.",
    "components": "Component → version: what is promoted together, in one step.",
    "renderer": "How the version's files become manifests; `auto` looks at what is there: `Chart.yaml` makes "
    "a Helm chart, `kustomization.yaml` a kustomization, `.j2` at the end of a name a template.",
    "dependsOn": "Components that must be well in an environment before this one starts there.",
    "versions": "How versions are kept.",
    "from": "`directories`: each released version is a folder; `tags`: each is a tag, and files stand flat.",
    "tagPrefix": "What the tags of versions and of environments begin with; `<component>/` if left out.",
    "development": "What HEAD has to pass before the development pointer moves up to it by itself.",
    "DevelopmentFields.environment": "The environment whose pointer moves.",
    "check": "What is run: a command or a rehearsal.",
    "command": "The program and its arguments, run without a shell in a copy of the commit under test.",
    "rehearse": "Play the whole rollout on virtual clusters instead of running a command.",
    "timeout": "How long the command may take.",
    "passEnvironment": "Environment variables that the command gets besides PATH, the locale and the like.",
}


def described(schema: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema with a description at each field."""
    for owner, name, field in fields_of(schema):
        if words := words_for(owner, name):
            field["description"] = words
    return schema


def words_for(owner: str, name: str) -> str:
    """What a field means; empty where nobody has said."""
    return WORDS.get(f"{owner}.{name}") or WORDS.get(name, "")


def fields_of(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(model, field, its schema) of every model in a JSON Schema that pydantic made, in order."""
    for model in (schema, *schema.get("$defs", {}).values()):
        for name, field in model.get("properties", {}).items():
            yield model.get("title", ""), name, field
