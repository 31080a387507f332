"""The Pod Security Standards: what a pod may not ask for at the levels `baseline` and `restricted`. Pure.

The checks and words of `k8s.io/pod-security-admission/policy`; each gives one sentence or none. In the
order of their ids, as violations are told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from gitrel.kube.fields import get
from gitrel.kube.identity import Object

Level = Literal["privileged", "baseline", "restricted"]
Check = Callable[[Object], str]

_BASELINE_CAPABILITIES = frozenset((
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE",
    "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
))  # fmt: skip
_SYSCTLS = frozenset((
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem",
))  # fmt: skip
_SELINUX_TYPES = frozenset(("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"))
_VOLUMES = frozenset((
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected",
    "secret", "image",
))  # fmt: skip


def containers(spec: Object) -> Iterator[Mapping[str, Any]]:
    for key in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(key) or ()


def _security(container: Mapping[str, Any]) -> Mapping[str, Any]:
    return container.get("securityContext") or {}


def _which(names: Sequence[str], what: str = "container") -> str:
    """`container "a"`, `containers "a", "b"`."""
    plural = "s" if len(names) > 1 else ""
    return f"{what}{plural} {', '.join(f'{chr(34)}{name}{chr(34)}' for name in names)}"


def _bad(spec: Object, wrong: Callable[[Mapping[str, Any]], bool]) -> list[str]:
    return [c["name"] for c in containers(spec) if wrong(c)]


# --- baseline ---------------------------------------------------------------------------------------------


def _app_armor(spec: Object) -> str:
    profiles = [get(spec, "securityContext", "appArmorProfile", "type")]
    profiles += [get(c, "securityContext", "appArmorProfile", "type") for c in containers(spec)]
    bad = sorted({p for p in profiles if p not in (None, "RuntimeDefault", "Localhost")})
    said = ", ".join(f'"{p}"' for p in bad)
    return f"forbidden AppArmor profile{'s' if len(bad) > 1 else ''} ({said})" if bad else ""


def _added(container: Mapping[str, Any]) -> set[str]:
    return set(get(container, "securityContext", "capabilities", "add", default=()))


def _capabilities(spec: Object) -> str:
    names, added = [], set()
    for container in containers(spec):
        extra = _added(container) - _BASELINE_CAPABILITIES
        if extra:
            names.append(container["name"])
            added |= extra
    if not names:
        return ""
    said = ", ".join(f'"{name}"' for name in sorted(added))
    where = "securityContext.capabilities.add"
    return f"non-default capabilities ({_which(names)} must not include {said} in {where})"


def _host_namespaces(spec: Object) -> str:
    found = [f"{key}=true" for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
    return f"host namespaces ({', '.join(found)})" if found else ""


def _host_paths(spec: Object) -> str:
    names = [v["name"] for v in spec.get("volumes") or () if v.get("hostPath") is not None]
    return f"hostPath volumes ({_which(names, 'volume')})" if names else ""


def _host_ports(spec: Object) -> str:
    names, ports = [], set()
    for container in containers(spec):
        own = {port["hostPort"] for port in container.get("ports") or () if port.get("hostPort")}
        if own:
            names.append(container["name"])
            ports |= own
    if not names:
        return ""
    word = "hostPorts" if len(ports) > 1 else "hostPort"
    verb = "uses" if len(names) == 1 else "use"
    return f"hostPort ({_which(names)} {verb} {word} {', '.join(map(str, sorted(ports)))})"


def _host_process(spec: Object) -> str:
    names = _bad(spec, lambda c: bool(get(c, "securityContext", "windowsOptions", "hostProcess")))
    whole = get(spec, "securityContext", "windowsOptions", "hostProcess")
    who = [*(["pod"] if whole else []), *([_which(names)] if names else [])]
    if not who:
        return ""
    return f"hostProcess ({' and '.join(who)} must not set securityContext.windowsOptions.hostProcess=true)"


def _privileged(spec: Object) -> str:
    names = _bad(spec, lambda c: bool(_security(c).get("privileged")))
    return f"privileged ({_which(names)} must not set securityContext.privileged=true)" if names else ""


def _proc_mount(spec: Object) -> str:
    names, kinds = [], set()
    for container in containers(spec):
        kind = _security(container).get("procMount")
        if kind not in (None, "Default"):
            names.append(container["name"])
            kinds.add(kind)
    said = ", ".join(f'"{kind}"' for kind in sorted(kinds))
    return f"procMount ({_which(names)} must not set securityContext.procMount to {said})" if names else ""


def _selinux(spec: Object) -> str:
    options = [get(spec, "securityContext", "seLinuxOptions", default={})]
    options += [get(c, "securityContext", "seLinuxOptions", default={}) for c in containers(spec)]
    types = sorted({o["type"] for o in options if o.get("type", "") not in _SELINUX_TYPES})
    found = []
    if types:
        found.append("type" + ("s" if len(types) > 1 else "") + " " + ", ".join(f'"{t}"' for t in types))
    for key in ("user", "role"):
        if any(o.get(key) for o in options):
            found.append(f"{key} may not be set")
    return f"seLinuxOptions ({'; '.join(found)})" if found else ""


def _seccomp_baseline(spec: Object) -> str:
    allowed = (None, "RuntimeDefault", "Localhost")
    who = []
    if get(spec, "securityContext", "seccompProfile", "type") not in allowed:
        who.append("pod")
    names = _bad(spec, lambda c: get(c, "securityContext", "seccompProfile", "type") not in allowed)
    who += [_which(names)] if names else []
    said = 'must not set securityContext.seccompProfile.type to "Unconfined"'
    return f"seccompProfile ({' and '.join(who)} {said})" if who else ""


def _sysctls(spec: Object) -> str:
    names = [row["name"] for row in get(spec, "securityContext", "sysctls", default=())]
    bad = sorted(set(names) - _SYSCTLS)
    return f"forbidden sysctls ({', '.join(bad)})" if bad else ""


# --- restricted -------------------------------------------------------------------------------------------


def _is_windows(spec: Object) -> bool:
    return bool(get(spec, "os", "name") == "windows")


def _escalation(spec: Object) -> str:
    if _is_windows(spec):
        return ""
    names = _bad(spec, lambda c: _security(c).get("allowPrivilegeEscalation") is not False)
    if not names:
        return ""
    said = "must set securityContext.allowPrivilegeEscalation=false"
    return f"allowPrivilegeEscalation != false ({_which(names)} {said})"


def _capabilities_restricted(spec: Object) -> str:
    if _is_windows(spec):
        return ""
    keeping = _bad(spec, lambda c: "ALL" not in get(c, "securityContext", "capabilities", "drop", default=()))
    adding, added = [], set()
    for container in containers(spec):
        extra = _added(container) - {"NET_BIND_SERVICE"}
        if extra:
            adding.append(container["name"])
            added |= extra
    said = []
    if keeping:
        said.append(f'{_which(keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        names = ", ".join(f'"{name}"' for name in sorted(added))
        said.append(f"{_which(adding)} must not include {names} in securityContext.capabilities.add")
    return f"unrestricted capabilities ({'; '.join(said)})" if said else ""


def _volume_types(spec: Object) -> str:
    bad = [
        (v["name"], next((key for key in v if key != "name"), "unknown"))
        for v in spec.get("volumes") or ()
        if not any(v.get(key) is not None for key in _VOLUMES)
    ]
    if not bad:
        return ""
    kinds = sorted({kind for _, kind in bad})
    names = _which([name for name, _ in bad], "volume")
    verb = "uses" if len(bad) == 1 else "use"
    word = "types" if len(kinds) > 1 else "type"
    said = ", ".join(f'"{kind}"' for kind in kinds)
    return f"restricted volume types ({names} {verb} restricted volume {word} {said})"


def _non_root(spec: Object) -> str:
    whole = get(spec, "securityContext", "runAsNonRoot")
    explicit = _bad(spec, lambda c: _security(c).get("runAsNonRoot") is False)
    implicit = _bad(spec, lambda c: _security(c).get("runAsNonRoot") is None)
    if explicit or whole is False:
        who = ["pod"] if whole is False else []
        who += [_which(explicit)] if explicit else []
        return f"runAsNonRoot != true ({' and '.join(who)} must not set securityContext.runAsNonRoot=false)"
    if implicit and whole is not True:
        said = "must set securityContext.runAsNonRoot=true"
        return f"runAsNonRoot != true (pod or {_which(implicit)} {said})"
    return ""


def _non_root_user(spec: Object) -> str:
    who = ["pod"] if get(spec, "securityContext", "runAsUser") == 0 else []
    names = _bad(spec, lambda c: _security(c).get("runAsUser") == 0)
    who += [_which(names)] if names else []
    return f"runAsUser=0 ({' and '.join(who)} must not set runAsUser=0)" if who else ""


def _seccomp_restricted(spec: Object) -> str:
    if _is_windows(spec):
        return ""
    whole = get(spec, "securityContext", "seccompProfile", "type")
    explicit = _bad(spec, lambda c: get(c, "securityContext", "seccompProfile", "type") == "Unconfined")
    if explicit or whole == "Unconfined":
        return _seccomp_baseline(spec)
    implicit = _bad(spec, lambda c: get(c, "securityContext", "seccompProfile", "type") is None)
    if whole is None and implicit:
        said = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
        return f"seccompProfile (pod or {_which(implicit)} {said})"
    return ""


_BASELINE: Sequence[tuple[str, Check]] = (
    ("appArmorProfile", _app_armor),
    ("capabilities_baseline", _capabilities),
    ("hostNamespaces", _host_namespaces),
    ("hostPathVolumes", _host_paths),
    ("hostPorts", _host_ports),
    ("privileged", _privileged),
    ("procMount", _proc_mount),
    ("seLinuxOptions", _selinux),
    ("seccompProfile_baseline", _seccomp_baseline),
    ("sysctls", _sysctls),
    ("windowsHostProcess", _host_process),
)
_RESTRICTED: Sequence[tuple[str, Check]] = (
    ("allowPrivilegeEscalation", _escalation),
    ("capabilities_restricted", _capabilities_restricted),
    ("restrictedVolumes", _volume_types),
    ("runAsNonRoot", _non_root),
    ("runAsUser", _non_root_user),
    ("seccompProfile_restricted", _seccomp_restricted),
)
_REPLACED = frozenset(("capabilities_baseline", "hostPathVolumes", "seccompProfile_baseline"))
"""Checks of the baseline that a check of the restricted level covers."""


def violations(spec: Object, level: Level) -> Sequence[str]:
    """What a pod of this spec would violate, one sentence each; empty where it is allowed."""
    if level == "privileged":
        return ()
    checks = list(_BASELINE)
    if level == "restricted":
        checks = [row for row in checks if row[0] not in _REPLACED]
        checks += _RESTRICTED
    return tuple(said for _, check in checks if (said := check(spec)))
