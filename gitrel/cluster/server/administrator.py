"""A served cluster's administrator, from outside: asks the running server for what is only ours."""

from __future__ import annotations

import http.client
import ssl
import tempfile
from base64 import b64decode
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import yaml

from gitrel.clock import format_duration
from gitrel.errors import GitrelError, UsageError


def advance(kubeconfig: Path, by: timedelta) -> Mapping[str, Any]:
    """Plays `by` of a virtual clock; returns the clock as it is then. Raises UsageError, GitrelError.

    Waits as long as it takes: a year of cron jobs is not played in a moment.
    """
    known = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    cluster, user = known["clusters"][0]["cluster"], known["users"][0]["user"]
    url = urlsplit(cluster["server"])
    connection = http.client.HTTPSConnection(url.hostname or "", url.port, context=_tls(cluster, user))
    try:
        body = orjson.dumps({"advance": format_duration(by)})
        connection.request("POST", "/gitrel/clock", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = orjson.loads(answer.read())
    except (OSError, http.client.HTTPException, orjson.JSONDecodeError) as wrong:
        raise GitrelError(f"{cluster['server']}: the cluster cannot be asked: {wrong}") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise UsageError(str(said.get("message", answer.status)))
    found: Mapping[str, Any] = said
    return found


def _tls(cluster: Mapping[str, str], user: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=b64decode(cluster["certificate-authority-data"]).decode())
    # Python's TLS reads a client's certificate and key from a file only.
    with tempfile.NamedTemporaryFile() as pair:
        pair.write(b64decode(user["client-certificate-data"]) + b64decode(user["client-key-data"]))
        pair.flush()
        context.load_cert_chain(pair.name)
    return context
