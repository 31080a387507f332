"""The path grammar of a config repository: the one place that knows the names of folders and files.

environments/pipeline.yaml                             the order and the defaults
environments/<environment>.yaml                        one stage or region
environments/allowed_signers                           whose SSH signatures count, in ssh-keygen's format
environments/signers.asc                               whose OpenPGP signatures count, as public keys
apps/<component>/component.yaml                        optional
apps/<component>/parameters.schema.yaml                optional: the types of its parameters
apps/<component>/current/…                             where changes are made
apps/<component>/v2/…                                  a released version …
apps/<component>/v2/.gitrel-release.yaml               … and the record of what was released
apps/<component>/<environment> -> v2                   a pointer, as a bare link
apps/<component>/<environment>/templates -> ../v2      a pointer, as a folder …
apps/<component>/<environment>/<environment>-parameters.yaml   … with parameters beside it

Where component.yaml says `versions: {from: tags}` the files of the version stand flat in the folder, and
Git's refs say the rest. The prefix is `<component>/` unless `tagPrefix` says another:

apps/<component>/…                                     where changes are made
refs/tags/<prefix>v1.0                                 a version
refs/heads/<prefix>v1                                  a release branch, made when v1 gets its first fix
refs/tags/<prefix>env/<environment>                    a pointer: at the commit of the version that runs there

name    = RFC 1123 label: [a-z0-9]([-a-z0-9]*[a-z0-9])?, at most 63 characters; not a version name
version = "current" | "v" number ("." number)*, at most 63 characters | "commit-" 12 digits of a commit's id
number  = "0" | [1-9][0-9]*, at most nine digits: no leading zeros, so that one version has one name
"""

from __future__ import annotations

import re
import unicodedata

APPS = "apps"
ENVIRONMENTS = "environments"
COMPONENT_FILE = "component.yaml"
TYPES_FILE = "parameters.schema.yaml"
PIPELINE_FILE = f"{ENVIRONMENTS}/pipeline.yaml"
ALLOWED_SIGNERS = f"{ENVIRONMENTS}/allowed_signers"
GPG_KEYS = f"{ENVIRONMENTS}/signers.asc"
TEMPLATES = "templates"
CURRENT = "current"
RELEASE_FILE = ".gitrel-release.yaml"
"""In a version's folder and no part of it: what was released, by which a later edit is found."""

NAME_MAX = 63
NAME_RULE = "lower-case letters, digits and '-', at most 63, with a letter or digit at both ends (RFC 1123)"
VERSION_RULE = "a version is named current, v1, v2 … or v1.2: numbers without leading zeros"

_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?\Z", re.ASCII)
_NUMBER = r"(?:0|[1-9][0-9]{0,8})"
_RELEASED = re.compile(rf"v{_NUMBER}(?:\.{_NUMBER})*\Z", re.ASCII)
_COMMIT = re.compile(r"commit-[0-9a-f]{12}\Z", re.ASCII)
_TAG_PREFIX = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*/)*(?:[A-Za-z0-9_][A-Za-z0-9_.-]*)?\Z", re.ASCII)
_VERSION_LIKE = re.compile(r"(?:v|V|version|release|rel)?[-_.]?\d[\w.+-]*\s*\Z|(?:latest|stable|head|HEAD)\Z")

TOLERATED = re.compile(r"(?:README|LICENSE|NOTICE|CHANGELOG|OWNERS|CODEOWNERS|Makefile)(?:\.\w+)?\Z|\..*\Z")
"""Names that people and tools put everywhere, which gitrel passes over without a word."""


def is_name(text: str) -> bool:
    """Whether a component or an environment may be called so."""
    return len(text) <= NAME_MAX and _NAME.match(text) is not None and not is_version(text)


def is_version(text: str) -> bool:
    """Whether `text` names a version, `current` included."""
    return text == CURRENT or is_released(text) or is_commit(text)


def is_commit(text: str) -> bool:
    """Whether `text` names what stood at one commit that no version's tag is at."""
    return _COMMIT.match(text) is not None


def commit_version(commit: str) -> str:
    return f"commit-{commit[:12]}"


def is_released(text: str) -> bool:
    """Whether `text` names a version that was cut and is not edited any more."""
    return len(text) <= NAME_MAX and _RELEASED.match(text) is not None


def looks_like_version(text: str) -> bool:
    """Whether somebody may have meant a version: `1.2.3`, `V2`, `v01`, `latest`."""
    return _VERSION_LIKE.match(text) is not None


def version_key(name: str) -> tuple[int, tuple[int, ...], str]:
    """Sorts versions by their numbers: v1 < v1.1 < v2 < v10 < commit-… < current."""
    if name == CURRENT:
        return 2, (), ""
    if is_commit(name):
        return 1, (), name
    return 0, tuple(int(number) for number in name[1:].split(".")), ""


def is_tag_prefix(text: str) -> bool:
    """Whether version tags may begin so: what a ref may hold, whole parts or a beginning of one."""
    return (
        len(text) <= 200
        and _TAG_PREFIX.match(text) is not None
        and not any(bad in text for bad in ("..", ".lock/", "./"))
    )


def version_tag(prefix: str, version: str) -> str:
    return f"refs/tags/{prefix}{version}"


def stage_tag(prefix: str, environment: str) -> str:
    """The pointer of an environment where versions are tags."""
    return f"refs/tags/{prefix}env/{environment}"


def release_branch(prefix: str, version: str) -> str:
    """The branch on which `version` and its point releases are kept: v1 for v1, v1.0 and v1.7."""
    return f"refs/heads/{prefix}v{version_key(version)[1][0]}"


def component_folder(component: str) -> str:
    return f"{APPS}/{component}"


def component_file(component: str) -> str:
    return f"{APPS}/{component}/{COMPONENT_FILE}"


def version_folder(component: str, version: str) -> str:
    return f"{APPS}/{component}/{version}"


def release_file(component: str, version: str) -> str:
    return f"{APPS}/{component}/{version}/{RELEASE_FILE}"


def environment_file(environment: str) -> str:
    return f"{ENVIRONMENTS}/{environment}.yaml"


def pointer_path(component: str, environment: str) -> str:
    """The link of the bare form; the folder of the other form."""
    return f"{APPS}/{component}/{environment}"


def pointer_templates(component: str, environment: str) -> str:
    """The link of the folder form."""
    return f"{APPS}/{component}/{environment}/{TEMPLATES}"


def parameters_file(component: str, environment: str) -> str:
    return f"{APPS}/{component}/{environment}/{environment}-parameters.yaml"


def component_of(path: str) -> str:
    """The component whose folder `path` lies in; "" for everything else."""
    parts = path.split("/", 2)
    return parts[1].split(" -> ")[0] if parts[0] == APPS and len(parts) > 1 else ""


def folded(name: str) -> str:
    """Two names with one folded form collide on a file system that ignores case or normalises Unicode."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name.casefold())


def bad_part(name: str) -> str:
    """Why no file or folder below `apps/` or `environments/` may have this name; "" if it may."""
    if name in ("", ".", ".."):
        return "not a name"
    if any(
        unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")
        for c in name
        if not (c.isascii() and c.isprintable())
    ):
        return "the name has an invisible character"
    if name != name.strip():
        return "the name begins or ends with white space"
    return "the name has a backslash" if "\\" in name else ""
