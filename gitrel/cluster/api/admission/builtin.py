"""Which plugins there are, in Kubernetes' order, and which of them are on.

`pkg/kubeapiserver/options/plugins.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from gitrel.cluster.api.admission import (
    alwayspull,
    certificates,
    claimresize,
    defaultclasses,
    defaulttolerations,
    limitranger,
    namespacelifecycle,
    podsecurity,
    priority,
    resourcequota,
    runtimeclass,
    serviceaccount,
    storageinuse,
)
from gitrel.cluster.api.admission.chain import Chain
from gitrel.cluster.api.admission.plugin import ALWAYS, Plugin
from gitrel.cluster.api.admission.resourcequota import Charge
from gitrel.cluster.api.rbac.authorizer import Authorizer
from gitrel.errors import UsageError

OFF_BY_DEFAULT = frozenset(("AlwaysPullImages",))


def chain(
    charge: Charge,
    *,
    accounts_are_made: bool,
    authorizer: Callable[[], Authorizer],
    enable: Sequence[str] = (),
    disable: Sequence[str] = (),
    policies: Sequence[Plugin] = (),
) -> Chain:
    """The plugins that are on. Raises UsageError for a name that Kubernetes or gitrel does not know.

    `policies` stand where Kubernetes has its policies and webhooks: after all that complete, before quota.
    """
    every: tuple[Plugin, ...] = (
        *namespacelifecycle.PLUGINS,
        *limitranger.PLUGINS,
        *serviceaccount.plugins(accounts_are_made=accounts_are_made),
        *alwayspull.PLUGINS,
        *podsecurity.PLUGINS,
        *priority.PLUGINS,
        *defaulttolerations.PLUGINS,
        *defaultclasses.STORAGE_PLUGINS,
        *storageinuse.PLUGINS,
        *claimresize.PLUGINS,
        *runtimeclass.PLUGINS,
        *certificates.plugins(authorizer),
        *defaultclasses.INGRESS_PLUGINS,
        *policies,
        *resourcequota.plugins(charge),
    )
    _refuse_unknown((*enable, *disable), {plugin.name for plugin in every} - {ALWAYS})
    off = (OFF_BY_DEFAULT - set(enable)) | set(disable)
    return Chain([plugin for plugin in every if plugin.name not in off])


def _refuse_unknown(named: Iterable[str], known: set[str]) -> None:
    for name in named:
        if name not in known:
            raise UsageError(f'unknown admission plugin "{name}": known are {", ".join(sorted(known))}')
