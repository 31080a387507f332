"""YAML: rows 30 and 41–46, and C37, in the place where people write most: a parameters file."""
# ruff: noqa: E501 - what gitrel says stands on one line, as people see it

from __future__ import annotations

from tests.repo.bad_inputs.case import Case, Content

FILE = "apps/frontend/eastus/eastus-parameters.yaml"
BOMB = "parameters:\n  a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


def _file(text: Content) -> dict[str, Content]:
    return {FILE: text}


CASES = [
    Case(
        "tab",
        "41",
        _file("parameters:\n\treplicas: 3\n"),
        ("apps/frontend/eastus/eastus-parameters.yaml:2:1: a tab cannot indent: use spaces",),
    ),
    Case(
        "bad-indentation",
        "41",
        _file("parameters:\n  a: 1\n b: 2\n"),
        ("apps/frontend/eastus/eastus-parameters.yaml:3:2: a key was expected here: check the indentation",),
    ),
    Case(
        "unclosed-bracket",
        "41",
        _file("parameters:\n  hosts: [a, b\n  x: 1\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:2:10: the bracket '[' is never closed (read until line 3): close it",
        ),
    ),
    Case(
        "unclosed-brace",
        "41",
        _file("parameters: {a: 1\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:1:13: the brace '{' is never closed (read until line 2): close it",
        ),
    ),
    Case(
        "unclosed-quote",
        "41",
        _file('parameters:\n  name: "abc\n'),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:2:9: the quote is never closed (read until line 3): close it",
        ),
    ),
    Case(
        "two-colons",
        "41",
        _file("parameters:\n  url: a: b\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:2:9: a ': ' where no key can stand: quote the value, or check the indentation",
        ),
    ),
    Case(
        "at-sign",
        "41",
        _file("parameters:\n  name: @me\n"),
        ("apps/frontend/eastus/eastus-parameters.yaml:2:9: a value cannot start with '@': put it in quotes",),
    ),
    Case(
        "unquoted-template",
        "41",
        _file("parameters:\n  name: {{ name }}\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:2:10: a map or list cannot be a key: quote it if it is a template expression such as '{{ name }}'",
        ),
    ),
    Case(
        "duplicate-key",
        "42",
        _file("parameters:\n  a: 1\n  b: 2\n  a: 3\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:4:3: duplicate key 'a', first on line 2: keep one of the two",
        ),
    ),
    Case(
        "duplicate-key-as-number-and-text",
        "C37",
        _file('parameters:\n  m:\n    1: a\n    "1": b\n'),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:4:5: duplicate key '1', first on line 3: keep one of the two",
        ),
    ),
    Case(
        "alias-bomb",
        "43",
        _file(BOMB),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:7:7: aliases expand to more than 16,777,216 characters: write fewer aliases of this anchor",
        ),
    ),
    Case(
        "deep-nesting",
        "43",
        _file("parameters: " + "[" * 10_000),
        ("apps/frontend/eastus/eastus-parameters.yaml:1:140: nested deeper than 128 levels: flatten it",),
    ),
    Case(
        "deep-blocks",
        "43",
        _file("- " * 10_000),
        ("apps/frontend/eastus/eastus-parameters.yaml:1:257: nested deeper than 128 levels: flatten it",),
    ),
    Case(
        "alias-in-itself",
        "43",
        _file("parameters: &a\n  b: *a\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:1:13: this anchor contains an alias of itself: write the value out",
        ),
    ),
    Case(
        "scalar-of-5-mb",
        "43",
        _file("parameters: {a: " + "x" * 5_000_000 + "}"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml: the file has 5,000,017 bytes; the limit is 4,194,304: split it: one object a file",
        ),
    ),
    Case(
        "scalar-of-2-mb",
        "43",
        _file("parameters: {a: " + "x" * 2_000_000 + "}"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:1:17: a value of 2,000,000 characters; the limit is 1,048,576: keep it in a file or a store of its own",
        ),
    ),
    Case(
        "python-object",
        "44",
        _file("parameters:\n  a: !!python/object/apply:os.system [id]\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:2:6: the tag !!python/object/apply:os.system is not allowed: remove it",
        ),
    ),
    Case(
        "unknown-tag",
        "44",
        _file("parameters:\n  a: !vault secret\n"),
        ("apps/frontend/eastus/eastus-parameters.yaml:2:6: the tag !vault is not allowed: remove it",),
    ),
    Case(
        "unknown-alias",
        "44",
        _file("parameters:\n  a: *nothing\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:2:6: an alias of an anchor that does not exist: define it above with &name",
        ),
    ),
    Case(
        "merge-of-a-scalar",
        "44",
        _file("parameters:\n  <<: 3\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:2:7: '<<' merges something that is not a map: name a map, or a list of maps",
        ),
    ),
    Case(
        "yes-and-no",
        "45",
        _file("flags: {a: yes, b: no}\nparameters: {c: on, d: 'off'}\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:1:12: warning: 'yes' is read as true: write it so, or quote it if text is meant",
            "apps/frontend/eastus/eastus-parameters.yaml:1:20: warning: 'no' is read as false: write it so, or quote it if text is meant",
            "apps/frontend/eastus/eastus-parameters.yaml:2:17: warning: 'on' is read as true: write it so, or quote it if text is meant",
        ),
        (),
    ),
    Case(
        "octal",
        "45",
        _file("parameters: {zip: 010, mode: 0644}\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:1:19: warning: '010' is read as the number 8: write it so, or quote it if text is meant",
        ),
        (),
    ),
    Case(
        "not-octal",
        "45",
        _file("parameters: {zip: 089}\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:1:19: warning: '089' is read as the number 89: write it so, or quote it if text is meant",
        ),
        (),
    ),
    Case(
        "sexagesimal-and-dates-are-text",
        "45",
        _file("parameters: {a: 1:30, b: 2026-01-31, c: 2026-13-45}\n"),
        (),
        (),
    ),
    Case(
        "underscores-and-exponents",
        "45",
        _file("parameters: {a: 1_000, b: 1e3}\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:1:17: warning: '1_000' is read as the number 1000: write it so, or quote it if text is meant",
            "apps/frontend/eastus/eastus-parameters.yaml:1:27: warning: '1e3' is read as the number 1000: write it so, or quote it if text is meant",
        ),
        (),
    ),
    Case(
        "version-as-number",
        "45",
        _file("parameters: {tag: 1.10}\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:1:19: warning: '1.10' is read as the number 1.1: write it so, or quote it if text is meant",
        ),
        (),
    ),
    Case(
        "infinity",
        "45",
        _file("parameters: {a: .inf, b: -.Inf, c: .NaN, d: 1e999}\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:1:17: '.inf' is no number that JSON can carry: quote it if text is meant",
            "apps/frontend/eastus/eastus-parameters.yaml:1:26: '-.Inf' is no number that JSON can carry: quote it if text is meant",
            "apps/frontend/eastus/eastus-parameters.yaml:1:36: '.NaN' is no number that JSON can carry: quote it if text is meant",
            "apps/frontend/eastus/eastus-parameters.yaml:1:45: '1e999' is no number that JSON can carry: quote it if text is meant",
        ),
    ),
    Case(
        "integer-of-40-digits",
        "45",
        _file("parameters: {a: 1234567890123456789012345678901234567890}\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:1:17: an integer of 40 digits does not fit in 64 bits: quote it if text is meant",
        ),
    ),
    Case(
        "boolean-key",
        "45",
        _file("parameters: {m: {on: 1}}\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:1:18: warning: the key 'on' stays text here, but kubectl would make it 'true': quote it: \"on\"",
        ),
        (),
    ),
    Case(
        "empty-key",
        "45",
        _file("parameters:\n  m:\n    : 1\n"),
        ("apps/frontend/eastus/eastus-parameters.yaml:3:5: a key was expected here: check the indentation",),
    ),
    Case("empty-documents", "46", _file("---\n---\nparameters: {a: 1}\n---\n...\n"), (), ()),
    Case(
        "separator-only",
        "46",
        _file("---\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:1:1: warning: the file sets nothing: delete it, or write parameters",
        ),
        (),
    ),
    Case(
        "conflict-markers",
        "30",
        _file("parameters:\n<<<<<<< HEAD\n  a: 1\n=======\n  a: 2\n>>>>>>> other\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:2:1: conflict marker: finish the merge first",
            "apps/frontend/eastus/eastus-parameters.yaml:6:1: conflict marker: finish the merge first",
        ),
    ),
    Case(
        "a-list",
        "41",
        _file("- a\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:1:1: the file holds a list, not a map: write 'key: value' lines",
        ),
    ),
    Case(
        "plain-text",
        "41",
        _file("hello\n"),
        (
            "apps/frontend/eastus/eastus-parameters.yaml:1:1: the file holds text, not a map: write 'key: value' lines",
        ),
    ),
]
