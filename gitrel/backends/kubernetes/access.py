"""Which cluster, and with whose rights: from the operator's own kubeconfig, never from the repository.

A repository names a context and nothing else. What the context does (exec plugins, tokens, certificates,
proxies) is the operator's word.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitrel.errors import GitrelError, UsageError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

IN_CLUSTER = "in-cluster"
"""The name that stands for the service account of the pod that gitrel runs in."""
CONNECTIONS_MAX = 8
"""Connections that are kept to one cluster, and so calls to it at one time."""


class NoAccess(UsageError):
    """The kubeconfig is missing, unreadable, or has no such context."""


def connect(context: str, *, kubeconfig: str = "", environ: Mapping[str, str] = os.environ) -> ApiClient:
    """A client for `context`; `kubeconfig` is a path, or several as in KUBECONFIG.

    Raises NoAccess, naming the files that were looked at and the contexts that they have.
    """
    from kubernetes.client import ApiClient, Configuration

    config = _loader()
    configuration = Configuration()
    configuration.connection_pool_maxsize = CONNECTIONS_MAX
    if context == IN_CLUSTER:
        try:
            config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException as error:
            raise NoAccess(f"context {context}: {error}: gitrel must run in a pod for this") from None
        return ApiClient(configuration=configuration)
    files = looked_at(kubeconfig, environ)
    try:
        config.load_kube_config(
            config_file=os.pathsep.join(files),
            context=context,
            client_configuration=configuration,
            persist_config=False,
        )
    except Exception as error:
        # The loader raises whatever its parts raise: YAML errors, KeyErrors, OSErrors, its own.
        if isinstance(error, GitrelError):
            raise
        raise NoAccess(_told(context, files, error)) from None
    return ApiClient(configuration=configuration)


def _loader() -> Any:
    """The official client's loader, which has no types."""
    from kubernetes import config

    return config


def looked_at(kubeconfig: str, environ: Mapping[str, str]) -> list[str]:
    """The kubeconfig files, in the order in which kubectl merges them."""
    named = kubeconfig or environ.get("KUBECONFIG", "")
    if named:
        return [str(Path(part).expanduser()) for part in named.split(os.pathsep) if part]
    return [str(Path("~/.kube/config").expanduser())]


def _told(context: str, files: list[str], error: Exception) -> str:
    places = ", ".join(files)
    if not any(Path(file).is_file() for file in files):
        return f"context {context}: there is no kubeconfig (looked at: {places})"
    known = _contexts(files)
    if known is None:
        return f"context {context}: the kubeconfig cannot be read ({places}): {type(error).__name__}"
    if context not in known:
        have = ", ".join(known) or "none"
        return f"there is no context {context!r} in {places} (have: {have})"
    # The loader's own sentence may quote a file that holds a key, so only its kind is told.
    return f"context {context}: its entry in {places} is not usable: {type(error).__name__}"


def _contexts(files: list[str]) -> list[str] | None:
    """The names of all contexts; None where the files cannot be read."""
    config = _loader()
    try:
        contexts: list[dict[str, Any]]
        contexts, _ = config.list_kube_config_contexts(config_file=os.pathsep.join(files))
    except config.ConfigException:
        return []
    except Exception:
        return None
    return sorted(str(one.get("name", "")) for one in contexts)
