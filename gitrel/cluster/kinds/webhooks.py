"""Webhook configurations (`pkg/apis/admissionregistration/v1/defaults.go`, `validation/validation.go`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from gitrel.cluster.api.admission.declared import CONDITION, fault
from gitrel.cluster.api.errors import (
    FieldError,
    duplicate,
    invalid_value,
    required,
    unsupported,
)
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.filling import changed, each, filled_pointers
from gitrel.cluster.kinds.kind import Kind
from gitrel.cluster.kinds.names import name_problems, qualified_name_problems
from gitrel.kube.cel.types import BOOL, Type
from gitrel.kube.identity import Object

GROUP = "admissionregistration.k8s.io"
_V1 = f"{GROUP}/v1"
REVIEW_VERSIONS = ("v1", "v1beta1")
MATCH_CONDITIONS_MAX = 64

_HOOK = {
    "failurePolicy": "Fail",
    "matchPolicy": "Equivalent",
    "namespaceSelector": {},
    "objectSelector": {},
    "timeoutSeconds": 10,
}


def _default_hooks(mutating: bool) -> Callable[[Object], Object]:
    values = {**_HOOK, "reinvocationPolicy": "Never"} if mutating else _HOOK

    def default_hook(hook: Object) -> Object:
        hook = changed(filled_pointers(hook, values), "rules", each(default_rule))
        return changed(
            hook,
            "clientConfig",
            lambda config: changed(
                config, "service", lambda service: filled_pointers(service, {"port": 443})
            ),
        )

    return lambda obj: changed(obj, "webhooks", each(default_hook))


def default_rule(rule: Object) -> Object:
    return filled_pointers(rule, {"scope": "*"})


def _validate_hooks(mutating: bool) -> Callable[[Object], Iterable[FieldError]]:
    def validate(obj: Object) -> Iterator[FieldError]:
        seen: set[str] = set()
        for index, hook in enumerate(obj.get("webhooks") or ()):
            at, name = f"webhooks[{index}]", hook.get("name") or ""
            yield from _hook_errors(hook, at)
            if mutating:
                policies = ("IfNeeded", "Never")
                yield from checks.one_of(hook.get("reinvocationPolicy"), policies, f"{at}.reinvocationPolicy")
            if name and name in seen:
                yield duplicate(f"{at}.name", name)
            seen.add(name)

    return validate


def _hook_errors(hook: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    yield from _name_errors(hook.get("name") or "", f"{at}.name")
    for index, rule in enumerate(hook.get("rules") or ()):
        yield from rule_errors(rule, f"{at}.rules[{index}]")
    yield from checks.one_of(hook.get("failurePolicy"), ("Fail", "Ignore"), f"{at}.failurePolicy")
    yield from checks.one_of(hook.get("matchPolicy"), ("Equivalent", "Exact"), f"{at}.matchPolicy")
    effects = hook.get("sideEffects")
    if effects is None:
        yield required(f"{at}.sideEffects", "must specify one of None, NoneOnDryRun")
    else:
        yield from checks.one_of(effects, ("None", "NoneOnDryRun"), f"{at}.sideEffects")
    timeout = hook.get("timeoutSeconds")
    if timeout is not None and not 1 <= timeout <= 30:
        says = "the timeout value must be between 1 and 30 seconds"
        yield invalid_value(f"{at}.timeoutSeconds", timeout, says)
    for key in ("namespaceSelector", "objectSelector"):
        yield from checks.label_selector(hook.get(key), f"{at}.{key}")
    yield from _client_errors(hook.get("clientConfig") or {}, f"{at}.clientConfig")
    yield from match_condition_errors(hook.get("matchConditions") or (), f"{at}.matchConditions")
    yield from _version_errors(hook.get("admissionReviewVersions") or (), f"{at}.admissionReviewVersions")


def _name_errors(name: str, field: str) -> Iterator[FieldError]:
    """A domain of three parts at least (IsFullyQualifiedName)."""
    if not name:
        yield required(field)
        return
    problems = name_problems(name, "subdomain")
    for problem in problems:
        yield invalid_value(field, name, problem)
    if not problems and name.count(".") < 2:
        yield invalid_value(field, name, "should be a domain with at least three segments separated by dots")


def _client_errors(client: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        yield required(at, "exactly one of url or service is required")
    elif url is not None:
        yield from _url_errors(url, f"{at}.url")
    elif service is not None:
        for key in ("name", "namespace"):
            if not service.get(key):
                yield required(f"{at}.service.{key}", f"service {key} is required")
        port = service.get("port", 443)
        if not 1 <= port <= 65535:
            says = "port is not valid: must be between 1 and 65535, inclusive"
            yield invalid_value(f"{at}.service.port", port, says)
        path = service.get("path")
        if path is not None and not path.startswith("/"):
            yield invalid_value(f"{at}.service.path", path, "must start with a '/'")


def _url_errors(url: str, field: str) -> Iterator[FieldError]:
    form = "url must be a valid https URL, like https://host[:port][/path]"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as wrong:
        yield required(field, f"url must be a valid URL: {wrong}; desired format: https://host[/path]")
        return
    if parts.scheme != "https":
        says = "'https' is the only allowed URL scheme; desired format: https://host[/path]"
        yield invalid_value(field, parts.scheme, says)
    if not parts.hostname or port == 0:
        yield invalid_value(
            field, parts.netloc, "host must be specified; desired format: https://host[/path]"
        )
    if parts.username or parts.password:
        yield invalid_value(field, "", f"user information is not permitted in the URL; {form}")
    for part, name in ((parts.fragment, "fragments"), (parts.query, "query parameters")):
        if part:
            yield invalid_value(field, part, f"{name} are not permitted in the URL; {form}")


def match_condition_errors(
    conditions: Sequence[Mapping[str, Any]], at: str, names: Mapping[str, Type] = CONDITION
) -> Iterator[FieldError]:
    """Their names, and whether each is an expression of what it sees that is true or false."""
    if len(conditions) > MATCH_CONDITIONS_MAX:
        says = f"Too many: {len(conditions)}: must have at most {MATCH_CONDITIONS_MAX} items"
        yield FieldError("FieldValueTooMany", at, says)
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        name = condition.get("name") or ""
        if not name:
            yield required(f"{at}[{index}].name")
        for problem in qualified_name_problems(name) if name else ():
            yield invalid_value(f"{at}[{index}].name", name, problem)
        yield from expression_errors(condition.get("expression"), f"{at}[{index}].expression", names, BOOL)
        if name in seen:
            yield duplicate(f"{at}[{index}].name", name)
        seen.add(name)


def expression_errors(
    text: str | None, at: str, seen: Mapping[str, Type], *wanted: Type
) -> Iterator[FieldError]:
    """Of an expression that has to be there and to give one of the types `wanted`."""
    text = (text or "").strip()
    if not text:
        yield required(at)
    elif problem := fault(text, seen, *wanted):
        yield invalid_value(at, text, problem)


def _version_errors(versions: Sequence[str], at: str) -> Iterator[FieldError]:
    accepted = ", ".join(REVIEW_VERSIONS)
    if not versions:
        yield required(at, f"must specify one of {accepted}")
        return
    seen: set[str] = set()
    for index, version in enumerate(versions):
        if version in seen:
            yield invalid_value(f"{at}[{index}]", version, "duplicate version")
        seen.add(version)
        for problem in name_problems(version, "service"):
            yield invalid_value(f"{at}[{index}]", version, problem)
    if not seen & set(REVIEW_VERSIONS):
        yield invalid_value(at, list(versions), f"must include at least one of {accepted}")


# --- rules, alike for webhooks and policies ---------------------------------------------------------------

_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")


def rule_errors(rule: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    operations = rule.get("operations") or ()
    if not operations:
        yield required(f"{at}.operations")
    if len(operations) > 1 and "*" in operations:
        says = "if '*' is present, must not specify other operations"
        yield invalid_value(f"{at}.operations", list(operations), says)
    for index, operation in enumerate(operations):
        if operation not in _OPERATIONS:
            yield unsupported(f"{at}.operations[{index}]", operation, _OPERATIONS)
    for key, what in (("apiGroups", "API groups"), ("apiVersions", "API versions")):
        values = rule.get(key) or ()
        if not values:
            yield required(f"{at}.{key}")
        if len(values) > 1 and "*" in values:
            says = f"if '*' is present, must not specify other {what}"
            yield invalid_value(f"{at}.{key}", list(values), says)
        for index, value in enumerate(values if key == "apiVersions" else ()):
            if not value:
                yield required(f"{at}.{key}[{index}]")
    yield from _resource_errors(rule.get("resources") or (), f"{at}.resources")
    yield from checks.one_of(rule.get("scope"), ("*", "Cluster", "Namespaced"), f"{at}.scope")


def _resource_errors(resources: Sequence[str], at: str) -> Iterator[FieldError]:
    if not resources:
        yield required(at)
    whole: set[str] = set()
    everywhere: set[str] = set()
    for index, text in enumerate(resources):
        if not text:
            yield required(f"{at}[{index}]")
            continue
        resource, slash, sub = text.partition("/")
        if slash and resource in whole:
            says = f"if '{resource}/*' is present, must not specify {text}"
            yield invalid_value(f"{at}[{index}]", text, says)
        if slash and sub in everywhere:
            says = f"if '*/{sub}' is present, must not specify {text}"
            yield invalid_value(f"{at}[{index}]", text, says)
        if slash and sub == "*":
            whole.add(resource)
        if slash and resource == "*":
            everywhere.add(sub)
    if len(resources) > 1 and "*/*" in resources:
        says = "if '*/*' is present, must not specify other resources"
        yield invalid_value(at, list(resources), says)
    if "*" in resources and any("/" not in text and text != "*" for text in resources):
        says = "if '*' is present, must not specify other resources without subresources"
        yield invalid_value(at, list(resources), says)


def _configuration(plural: str, kind: str, mutating: bool) -> Kind:
    return Kind(
        f"{plural}.{GROUP}", _V1, kind, namespaced=False, categories=("api-extensions",),
        counted=lambda obj: obj.get("webhooks"), default=_default_hooks(mutating),
        validate=_validate_hooks(mutating),
    )  # fmt: skip


KINDS = (
    _configuration("validatingwebhookconfigurations", "ValidatingWebhookConfiguration", mutating=False),
    _configuration("mutatingwebhookconfigurations", "MutatingWebhookConfiguration", mutating=True),
)
