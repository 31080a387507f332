"""Secrets that SOPS encrypted: in the clear where they are rendered, and nowhere else."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import pytest

from gitrel.kube.masking import Masker
from gitrel.render.cache import CachingRenderer
from gitrel.render.manifest import Rendered
from gitrel.render.store import open_store
from gitrel.render.tools import Tools
from gitrel.render.worker import Workers
from tests.parameters.support import problems, read
from tests.render.external import real, standing_in

CANARY = "canary p/ss: wörd-7f3a"
FILE = "apps/web/eu/eu-parameters.yaml"
POINTER = {"apps/web/eu": None, "apps/web/eu/templates": "-> ../v1"}


def sealed(data: str, kind: str = "str") -> str:
    return f"ENC[AES256_GCM,data:{data},iv:{data}iv=,tag:{data}tag=,type:{kind}]"


SOPS = f"sops:\n  mac: {sealed('mac')}\n  version: 3.9.0\n"
PARAMETERS = f"parameters:\n  password: {sealed('aaaa')}\n  port: {sealed('bbbb', 'int')}\n  open: 1\n{SOPS}"
PLAIN = f"parameters:\n  password: {json.dumps(CANARY)}\n  port: 543210\n  open: 1\n"
CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data:
  text: {{ parameters.password | tojson }}
  encoded: {{ parameters.password | b64encode }}
  basic: {{ ("user:" ~ parameters.password) | b64encode }}
  digest: {{ parameters.password | sha256 | tojson }}
  port: {{ (parameters.port + 1) | string | tojson }}
"""
OPEN = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: open}\ndata: {a: '{{ parameters.open }}'}\n"
FILES: Mapping[str, str | None] = {
    **POINTER,
    FILE: PARAMETERS,
    "apps/web/v1/web-configmap.yaml": None,
    "apps/web/v1/a.yaml.j2": CONFIG,
    "apps/web/v1/b.yaml.j2": OPEN,
}


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers() as pool:
        yield pool


def sops(folder: Path, plain: str = PLAIN, code: int = 0, says: str = "") -> Tools:
    """A stand-in that decrypts everything to `plain`."""
    (folder / "plain").write_text(plain, encoding="utf-8")
    script = (
        'case "$*" in *--version*) echo "sops 3.9.0"; exit 0;; esac\n'
        f"echo run >> {folder}/runs\n/bin/cat > /dev/null\n"
        f"/bin/cat {folder}/plain\necho '{says}' >&2\nexit {code}"
    )
    return standing_in(folder, "sops", script)


class Ask(Protocol):
    """Renders `web` v1 in `eu` by a sops that stands in, and decrypts to `plain`."""

    def __call__(
        self,
        files: Mapping[str, str | None] = FILES,
        learn: Callable[[str], None] | None = None,
        *,
        plain: str = PLAIN,
        code: int = 0,
        says: str = "",
    ) -> Rendered: ...


@pytest.fixture
def ask(tmp_path: Path, workers: Workers) -> Ask:
    def render(
        files: Mapping[str, str | None] = FILES,
        learn: Callable[[str], None] | None = None,
        *,
        plain: str = PLAIN,
        code: int = 0,
        says: str = "",
    ) -> Rendered:
        tools = sops(tmp_path, plain, code, says)
        catalog, found = read(files)
        assert [p for p in found if p.severity == "error"] == []
        return CachingRenderer(workers, tools=tools, learn=learn)(catalog, "web", "v1", "eu")

    return render


def test_secrets_reach_the_template(ask: Ask) -> None:
    """A template reads the plaintext, with its type; the file is decrypted once."""
    release = ask()
    assert [str(p) for p in release.problems] == []
    data = release.manifests[1].object["data"]
    assert (data["text"], data["port"]) == (CANARY, "543211")


def test_who_reads_no_secret_needs_no_key(tmp_path: Path, workers: Workers) -> None:
    """Without sops, and without a key, everything renders that asks for no secret."""
    catalog, _ = read({**FILES, "apps/web/v1/a.yaml.j2": None})
    render = CachingRenderer(workers, tools=Tools(environment={"PATH": "/nonexistent"}))
    release = render(catalog, "web", "v1", "eu")
    assert release.problems == ()
    assert release.lasting
    catalog, _ = read(FILES)
    (problem,) = render(catalog, "web", "v1", "eu").problems
    assert str(problem) == f"{FILE}: is encrypted: sops is not installed: install sops 3.8 or newer"


def test_the_digest_reveals_nothing(ask: Ask) -> None:
    """It is of the ciphertext: the same for another plaintext, another for another ciphertext, and the open
    part counts as ever. So nobody can try guesses against a journal that everybody may read."""
    first = ask()
    assert ask(plain=PLAIN.replace("canary", "guess")).digest == first.digest
    assert ask({**FILES, FILE: PARAMETERS.replace("aaaa", "cccc")}).digest != first.digest
    assert ask({**FILES, FILE: PARAMETERS.replace("open: 1", "open: 2")}).digest != first.digest
    rotated = PARAMETERS.replace("version: 3.9.0", "version: 3.10.0").replace("data:mac,", "data:other,")
    assert ask({**FILES, FILE: rotated}).digest == first.digest


def test_nothing_that_holds_a_secret_is_kept_on_disk(tmp_path: Path, workers: Workers) -> None:
    """The cache on disk has no entry of a release that read a secret; the value is in no file."""
    places = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "XDG_STATE_HOME": str(tmp_path / "state")}
    store = open_store(places, tmp_path)
    assert store is not None
    catalog, _ = read(FILES)
    render = CachingRenderer(workers, tools=sops(tmp_path), store=store)
    assert not render.judge(catalog, "web", "v1", "eu").lasting
    store.close()
    (tmp_path / "plain").unlink()
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"parameters.password" not in kept
    assert CANARY.encode() not in kept


def test_a_masker_that_was_told_hides_every_form(ask: Ask) -> None:
    """Text, base64 alone and inside of something longer, URL, JSON, digest: none shows in what is printed."""
    masker = Masker()
    release = ask(learn=lambda text: masker.learn({"kind": "Secret", "stringData": {"v": text}}))
    shown = json.dumps([masker.mask(manifest.object) for manifest in release.manifests], ensure_ascii=False)
    shown += masker.text(f"https://user:{quote(CANARY, safe='')}@example.com {json.dumps(CANARY)} {CANARY}")
    for form in (CANARY, quote(CANARY, safe=""), json.dumps(CANARY)[1:-1]):
        assert form not in shown
    for start in range(3):
        core = base64.b64encode(b"x" * start + CANARY.encode()).decode()[4:-4]
        assert core not in shown
    assert "(hidden #1)" in shown
    assert CANARY not in repr(release)


def test_the_catalog_holds_ciphertext_only() -> None:
    """Whatever explains, compares or lists parameters works on what Git holds."""
    catalog, found = read(FILES)
    assert found == ()
    assert catalog.components["web"].pointers["eu"].parameters["password"].value == sealed("aaaa")
    assert CANARY not in repr(catalog)


FAILURES = {
    51: "its MAC does not fit: it was changed after it was encrypted: change it with 'sops edit' only",
    128: "no key that is here decrypts it: set SOPS_AGE_KEY_FILE, or log in to the key service",
    1: "sops ends with 1: try 'sops decrypt' on it",
}


@pytest.mark.parametrize("code", FAILURES)
def test_failures_are_named_without_content(ask: Ask, code: int) -> None:
    """What sops prints may hold plaintext; only the kind of failure is passed on."""
    (problem,) = ask(code=code, says=f"cannot: {CANARY}").problems
    assert str(problem) == f"{FILE}: is encrypted: {FAILURES[code]}"


@pytest.mark.parametrize("plain", ["{{{ canary", "\t- canary: [", "", "canary: \x01"])
def test_what_is_not_yaml_is_named_without_content(ask: Ask, plain: str) -> None:
    """Row by row: broken plaintext is told as such, and not shown."""
    (problem,) = ask(plain=plain).problems
    assert problem.what == "is encrypted, and what it decrypts to is not YAML that can be read"
    assert "canary" not in str(problem)


def test_problems_do_not_show_secrets(ask: Ask) -> None:
    """A secret where a name belongs is wrong, and the message about it would print it."""
    files = {
        **FILES,
        "apps/web/v1/a.yaml.j2": CONFIG.replace("{name: web}", "{name: {{ parameters.password | tojson }}}"),
    }
    told = "\n".join(map(str, ask(files).problems))
    assert "saying what would show a secret" in told
    assert "canary" not in told


def test_short_secrets_outside_of_secrets_are_told(ask: Ask) -> None:
    """A text that cannot be found again cannot be hidden; in a Secret everything is."""
    plain = PLAIN.replace(json.dumps(CANARY), "'1234'")
    (warning,) = ask({**FILES, "apps/web/v1/b.yaml.j2": None}, plain=plain).problems
    assert warning.severity == "warning"
    assert warning.what.startswith("a secret of fewer than 6 characters")
    secret = CONFIG.replace("ConfigMap", "Secret").replace("\ndata:", "\nstringData:")
    assert ask({**FILES, "apps/web/v1/a.yaml.j2": secret}, plain=plain).problems == ()


def test_an_encrypted_manifest(ask: Ask) -> None:
    """A Secret that is encrypted as a file is decrypted whole, at its own lines, and sealed."""
    text = f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: web\nstringData:\n  a: {sealed('dddd')}\n{SOPS}"
    plain = f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: web\nstringData:\n  a: {json.dumps(CANARY)}\n"
    files = {**FILES, FILE: None, "apps/web/v1/a.yaml.j2": None, "apps/web/v1/b.yaml.j2": None}
    files["apps/web/v1/s.yaml"] = text
    release = ask(files, plain=plain)
    assert release.problems == ()
    (manifest,) = release.manifests
    assert manifest.object["stringData"] == {"a": CANARY}
    assert str(manifest.origin) == "apps/web/v1/s.yaml:1"
    assert manifest.seal
    assert "sops" not in manifest.object


def test_ciphertext_never_reaches_a_cluster(ask: Ask) -> None:
    """A value copied without its metadata, an encrypted template, an encrypted file in a chart: all told."""
    copied = {**FILES, "apps/web/v1/c.yaml": f"apiVersion: v1\nkind: Secret\ndata: {{a: '{sealed('e')}'}}\n"}
    assert any(
        "holds encrypted values, and is no YAML file that SOPS wrote" in p.what for p in ask(copied).problems
    )
    chart = {**FILES, "apps/web/v1/Chart.yaml": "name: x\n", "apps/web/v1/templates/s.yaml": PARAMETERS}
    assert [p.what for p in ask(chart).problems] == ["an encrypted file cannot be read by helm"]
    lost = problems({**FILES, FILE: PARAMETERS.replace(SOPS, "")})
    assert f"{FILE}:2:3: password is encrypted, and the file has no sops metadata: " in lost[0] + " "


def test_what_gitrel_must_read_cannot_be_encrypted() -> None:
    """An encrypted flag or field is told with the way to encrypt parameters only."""
    text = f"parameters:\n  a: {sealed('a')}\nflags:\n  fast: {sealed('b', 'bool')}\n{SOPS}"
    (told,) = problems({**POINTER, FILE: text})
    assert told == (
        f"{FILE}:4:3: flags.fast is encrypted, and gitrel must read it: "
        "encrypt parameters only: sops encrypt --encrypted-regex '^parameters$'"
    )


def test_a_chart_gets_secrets_through_a_pipe(tmp_path: Path, workers: Workers) -> None:
    """helm reads the plaintext from its standard input; no file in its folder holds it."""
    tools = sops(tmp_path)
    script = (
        'case "$1" in version) echo v3.14; exit 0;; esac\n'
        f"/bin/cat > {tmp_path}/in\n/usr/bin/find / -path /proc -prune -o -newer {tmp_path}/plain -type f"
        f" -path '*gitrel-*' -print 2>/dev/null | /usr/bin/xargs -r /bin/cat > {tmp_path}/files"
    )
    standing_in(tmp_path, "helm", script.replace("find /", "find $TMPDIR/.."))
    catalog, _ = read({**FILES, "apps/web/v1/Chart.yaml": "apiVersion: v2\nname: x\nversion: 0.1.0\n"})
    release = CachingRenderer(workers, tools=tools)(catalog, "web", "v1", "eu")
    assert CANARY in json.loads((tmp_path / "in").read_bytes())["parameters"]["password"]
    assert CANARY.encode() not in (tmp_path / "files").read_bytes()
    assert b"apiVersion: v2" in (tmp_path / "files").read_bytes()
    assert not release.lasting


def test_the_real_sops(tmp_path: Path, workers: Workers) -> None:
    """With an age key: encrypted by sops, decrypted at render; an edited file fails by its MAC, and without
    the key it is told which key is missing."""
    tools = real("sops", "age-keygen")
    path = {**os.environ, "PATH": tools.environment["PATH"]}
    key = tmp_path / "key.txt"
    made = subprocess.run(
        ["age-keygen", "-o", str(key)], env=path, capture_output=True, text=True, check=True
    )
    recipient = made.stderr.split(": ", 1)[1].strip()
    source = tmp_path / "eu-parameters.yaml"
    source.write_text(PLAIN.replace("open: 1", "open: 1234567") + "flags: {fast: true}\n", encoding="utf-8")
    command = ["sops", "--encrypt", "--age", recipient, "--encrypted-regex", "^parameters$", str(source)]
    encrypted = subprocess.run(command, env=path, capture_output=True, text=True, check=True).stdout
    assert "canary" not in encrypted
    ours = Tools(environment={**path, "SOPS_AGE_KEY_FILE": str(key)})

    def told(text: str, by: Tools) -> Rendered:
        catalog, found = read({**FILES, FILE: text})
        assert found == ()
        return CachingRenderer(workers, tools=by)(catalog, "web", "v1", "eu")

    release = told(encrypted, ours)
    assert release.problems == ()
    assert release.manifests[1].object["data"]["text"] == CANARY
    edited = encrypted.replace("fast: true", "fast: false")
    assert edited != encrypted
    assert "its MAC does not fit" in str(told(edited, ours).problems[0])
    nobody = Tools(environment={"PATH": path["PATH"], "HOME": str(tmp_path / "nobody")})
    assert "no key that is here decrypts it" in str(told(encrypted, nobody).problems[0])


# ── Types ───────────────────────────────────────────────────────────────────────────────────────────────

TYPES = "apps/web/parameters.schema.yaml"


def types(password: str, port: str = "{type: integer}") -> str:
    return f"additionalProperties: true\nproperties:\n  password: {password}\n  port: {port}\n"


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        (types("{type: string, minLength: 99}", "{type: number, minimum: 99999999}"), []),
        (types("{oneOf: [{const: a}, {const: b}]}"), []),
        (types("{type: integer}"), [f"{FILE}:2:3: password must be a whole number, not text"]),
        (types("{}", "{type: string}"), [f"{FILE}:3:3: port must be text, not a number"]),
        (types("{}", "{type: [boolean, 'null']}"), [f"{FILE}:3:3: port must be nothing or true or false, "
                                                   "not a number"]),
    ],
)  # fmt: skip
def test_the_type_is_checked_without_a_key(schema: str, told: list[str]) -> None:
    """SOPS leaves readable of which type a value is; what needs the value waits until it is opened."""
    assert problems({**FILES, TYPES: schema}) == told


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        (types("{type: string, minLength: 3}", "{minimum: 1}"), []),
        (types("{type: string, minLength: 99}"), [f"{FILE}:2:3: password must have at least 99 characters"]),
        (types("{pattern: '^[a-z]+$'}"), [f"{FILE}:2:3: password does not match ^[a-z]+$"]),
        (types("{enum: [one, two]}"), [f"{FILE}:2:3: password must be one of one, two"]),
        (types("{oneOf: [{const: a}, {const: b}]}"), [f"{FILE}:2:3: password breaks the rule"]),
        (types("{}", "{maximum: 65535, default: 80}"), [f"{FILE}:3:3: port must be at most 65535: the def"]),
    ],
)
def test_what_is_opened_is_checked_in_full(ask: Ask, schema: str, told: list[str]) -> None:
    """By every rule of the schema, at the line of the value, and no word of it is shown."""
    release = ask({**FILES, TYPES: schema})
    found = [str(problem) for problem in release.problems]
    assert len(found) == len(told)
    assert all(one.startswith(start) for one, start in zip(found, told, strict=True)), found
    assert not any(part in text for text in found for part in (CANARY, "canary", "543210"))


def test_another_schema_is_another_judgement(tmp_path: Path, workers: Workers) -> None:
    """What was opened and judged by one schema is judged again by the next one."""
    render = CachingRenderer(workers, tools=sops(tmp_path))
    for schema, bad in (
        (types("{minLength: 99}"), 1),
        (types("{minLength: 3}"), 0),
        (types("{minLength: 99}"), 1),
    ):
        catalog, _ = read({**FILES, TYPES: schema})
        assert len(render(catalog, "web", "v1", "eu").problems) == bad
