"""A canary put in as a secret is found in no output, however it is coded."""

from __future__ import annotations

import base64
import io
import json
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
import structlog

from gitrel.events import Event
from gitrel.kube.masking import HIDDEN
from gitrel.telemetry.logs import Format, configure
from gitrel.telemetry.masking import Masker
from gitrel.telemetry.sinks import json_lines, log_lines

CANARY = "c4nary/&value+"
SECRET = {"kind": "Secret", "metadata": {"name": "s"}, "stringData": {"password": CANARY}}
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def masker() -> Masker:
    masker = Masker()
    masker.learn_object(SECRET)
    return masker


@pytest.mark.parametrize(
    "coded",
    [CANARY, base64.b64encode(CANARY.encode()).decode(), quote(CANARY, safe="")],
    ids=["plain", "base64", "URL"],
)
def test_a_known_value_is_masked_in_every_coding(masker: Masker, coded: str) -> None:
    """The value of a rendered Secret disappears from any text, however it was coded on the way."""
    assert CANARY not in masker.text(f"env DB={coded} refused")
    assert coded.rstrip("=") not in masker.text(f"env DB={coded} refused")


def test_a_secret_given_in_base64_is_known_in_plain(masker: Masker) -> None:
    """`data` of a Secret is base64; what is masked is what it stands for too."""
    masker.learn_object({"kind": "Secret", "data": {"k": base64.b64encode(b"hunter2hunter2").decode()}})
    assert masker.text("got hunter2hunter2") == "got (hidden #1)"


def test_each_line_of_a_long_value_is_masked(masker: Masker) -> None:
    """A value split over lines is not saved by the split."""
    masker.learn("first-line-of-it\nsecond-line-of-it")
    assert masker.text("| second-line-of-it |") == "| (hidden #1) |"


@pytest.mark.parametrize(
    "text",
    [
        "fetch https://bob:s3cretpw@git.example.com/x.git failed",
        "Authorization: Bearer abcdefghijklmnop",
        "ghp_abcdefghijklmnop1234",
        'settings {"password": "s3cretpw"}',
        "  password: s3cretpw",
        "connect user=bob password=s3cretpw host=x",
        "-----BEGIN RSA PRIVATE KEY-----\ns3cretpw\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_shapes_of_secrets_are_masked(text: str) -> None:
    """What looks like a secret is one, even if nobody said so."""
    masked = Masker().text(text)
    assert HIDDEN in masked
    assert not [s for s in ("s3cretpw", "abcdefghijklmnop") if s in masked]


def test_prose_about_tokens_stays_readable() -> None:
    """An error message that merely speaks of a token loses nothing."""
    text = "expected token 'end of statement', got ':': close the bracket"
    assert Masker().text(text) == text


def test_a_shown_secret_tells_change_but_not_value(masker: Masker) -> None:
    """Two values are two different masks, one value always the same; neither shows the value."""
    first = masker.manifest(SECRET)["stringData"]["password"]
    other = masker.manifest({**SECRET, "stringData": {"password": CANARY + "2"}})["stringData"]["password"]
    assert first == masker.manifest(SECRET)["stringData"]["password"] != other
    assert CANARY not in first + other


def test_a_value_that_leaked_into_another_object_is_masked(masker: Masker) -> None:
    """A template that puts the secret into a Deployment's environment does not put it on the screen."""
    deployment = {"kind": "Deployment", "spec": {"env": [{"name": "DSN", "value": f"db://x:{CANARY}@y"}]}}
    assert CANARY not in json.dumps(masker.manifest(deployment))


@pytest.mark.parametrize("format_", ["json", "console"])
def test_logs_mask_after_everything_else(masker: Masker, format_: Format) -> None:
    """Not the message, not a key, not a nested value and not a formatted exception lets the canary out."""
    stream = io.StringIO()
    configure("info", format_, stream, masker)
    try:
        try:
            raise RuntimeError(f"could not log in with {CANARY}")
        except RuntimeError:
            structlog.get_logger().exception(
                "failed", where={"nested": [CANARY]}, token="abc", note="\x1b[31m"
            )
    finally:
        structlog.reset_defaults()
    written = stream.getvalue()
    assert "could not log in with" in written
    assert CANARY not in written
    assert "abc" not in written
    assert "\x1b" not in written


def test_event_lines_are_stable_and_masked(masker: Masker) -> None:
    """The same event gives the same bytes, compact and sorted, without the canary."""
    stream = io.StringIO()
    json_lines(stream, masker)(Event(NOW, "environment.applied", "web", "asia", CANARY, {"b": 1, "a": 2}))
    assert stream.getvalue() == (
        '{"at":"2026-01-31T12:00:00Z","component":"web","data":{"a":2,"b":1},"environment":"asia",'
        '"kind":"environment.applied","message":"(hidden #1)"}\n'
    )


def test_failures_are_log_warnings() -> None:
    """An operator who logs warnings only still hears of a failed rollout, and not of every phase."""
    with structlog.testing.capture_logs() as logs:
        listen = log_lines(structlog.get_logger())
        listen(Event(NOW, "rollout.failed", "web", message="restarts"))
        listen(Event(NOW, "environment.phase", "web", "asia"))
    assert [(row["log_level"], row["event"]) for row in logs] == [
        ("warning", "rollout.failed"),
        ("info", "environment.phase"),
    ]
