"""The flags and arguments that several verbs have: each declared once, as the annotation of a parameter."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from gitrel.cli.options import argument, duration, option
from gitrel.cli.output import Format


class ForgeKind(StrEnum):
    AUTO = "auto"
    GITHUB = "github"
    GITLAB = "gitlab"


AnyComponent = Annotated[str | None, argument("COMPONENT", "Only this component; all of them if left out.")]
AnyComponents = Annotated[
    list[str] | None, argument("COMPONENT", "Only these components; all of them if left out.")
]

AcceptRewritten = Annotated[bool, option("accept_rewritten")]
AcceptUnsigned = Annotated[bool, option("accept_unsigned")]
Actor = Annotated[str | None, option("actor")]
Cache = Annotated[bool, option("cache")]
DryRun = Annotated[bool, option("dry_run")]
WhichForge = Annotated[ForgeKind, option("forge")]
ForgeUrl = Annotated[str | None, option("forge_url")]
Headers = Annotated[bool, option("headers")]
Output = Annotated[Format | None, option("output")]
Reason = Annotated[str, option("reason")]
Remote = Annotated[str | None, option("remote")]
Revision = Annotated[str | None, option("revision")]
Seed = Annotated[int, option("seed")]
ShowSecrets = Annotated[bool, option("show_secrets")]
SoakFactor = Annotated[float | None, option("soak_factor", min=0)]
Timeout = Annotated[timedelta | None, option("timeout", parser=duration)]
Version = Annotated[str | None, option("component_version")]
Wait = Annotated[bool, option("wait")]
