"""Webhooks are hints: only rightly signed ones are heard, each once, and none can do more than wake."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from gitrel.clock import VirtualClock
from gitrel.daemon.http import Face, application, parse_address
from gitrel.daemon.pulse import Pulse
from gitrel.daemon.webhooks import BODY_BYTES_MAX, Deliveries, is_signed
from gitrel.errors import UsageError
from gitrel.events import Event
from gitrel.telemetry.metrics import Metrics

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECRET = b"a long and secret word"
BODY = b'{"ref": "refs/heads/main"}'


def hexed(secret: bytes = SECRET, body: bytes = BODY) -> str:
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


def standard(at: datetime = NOW, secret: bytes = SECRET, identity: str = "msg_1") -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    signed = f"{identity}.{stamp}.".encode() + BODY
    signature = base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
    return {"webhook-id": identity, "webhook-timestamp": stamp, "webhook-signature": f"v1,{signature}"}


RIGHT = {
    "github": {"x-hub-signature-256": f"sha256={hexed()}"},
    "gitea": {"x-gitea-signature": hexed()},
    "gitlab token": {"x-gitlab-token": SECRET.decode()},
    "gitlab signed": standard(),
    "two signatures while a key is changed": standard()
    | {"webhook-signature": "v1,AAAA " + standard()["webhook-signature"]},
}
WRONG = {
    "none": {},
    "another secret": {"x-hub-signature-256": f"sha256={hexed(b'other')}"},
    "another body": {"x-hub-signature-256": f"sha256={hexed(body=b'{}')}"},
    "empty": {"x-hub-signature-256": ""},
    "sha1": {"x-hub-signature": "sha1=" + "0" * 40},
    "not ASCII": {"x-hub-signature-256": "sha256=\u00e9"},
    "too old": standard(NOW - timedelta(minutes=6)),
    "from the future": standard(NOW + timedelta(minutes=6)),
    "timestamp not a number": standard() | {"webhook-timestamp": "soon"},
    "timestamp without end": standard() | {"webhook-timestamp": "1" * 400},
    "a wrong token": {"x-gitlab-token": SECRET.decode() + "x"},
}


@pytest.mark.parametrize("headers", RIGHT.values(), ids=RIGHT.keys())
def test_right_signatures_are_believed(headers: dict[str, str]) -> None:
    """Each forge's own form."""
    assert is_signed(headers, BODY, SECRET, NOW)


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG.keys())
def test_wrong_signatures_are_not(headers: dict[str, str]) -> None:
    """Whatever is missing, forged, stale or malformed."""
    assert not is_signed(headers, BODY, SECRET, NOW)


def test_an_empty_secret_believes_nobody() -> None:
    """A secret file that is empty by mistake does not open the door."""
    assert not is_signed({"x-hub-signature-256": f"sha256={hexed(b'')}"}, BODY, b"", NOW)


def test_a_delivery_is_heard_once() -> None:
    """A replay by its id is ignored; deliveries without an id are not told apart."""
    deliveries = Deliveries()
    assert [deliveries.is_new(name) for name in ("a", "b", "a", "", "")] == [True, True, False, True, True]


class Called:
    count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
def wake() -> Called:
    return Called()


@pytest.fixture
def pulse() -> Pulse:
    return Pulse(VirtualClock(NOW))


@pytest.fixture
def port(wake: Called, pulse: Pulse) -> Iterator[int]:
    with Face(application(pulse, Metrics(), wake, SECRET), "127.0.0.1:0") as face:
        yield face.port


def ask(port: int, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_over_http_a_signed_push_wakes_the_daemon_once(port: int, wake: Called) -> None:
    """202 and one look; the replay is answered the same and looks no more; an unsigned one is 401."""
    signed = {"X_Hub_Signature_256": f"sha256={hexed()}", "X_GitHub_Delivery": "d-1"}
    assert ask(port, "POST", "/webhook", BODY, **signed)[0] == 202
    assert ask(port, "POST", "/webhook", BODY, **signed)[0] == 202
    assert ask(port, "POST", "/webhook", BODY)[0] == 401
    assert wake.count == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/webhook", b"", 405),
        ("POST", "/webhook", b"x" * (BODY_BYTES_MAX + 1), 413),
        ("POST", "/webhook", b"[]", 401),
        ("POST", "/webhook", b"\xff\x00", 401),
        ("POST", "/healthz", b"", 405),
        ("GET", "/", b"", 404),
        ("GET", "/webhook/../metrics", b"", 404),
        ("GET", "//healthz", b"", 404),
    ],
)
def test_strange_requests_are_refused(
    port: int, wake: Called, method: str, path: str, body: bytes, status: int
) -> None:
    """Each gets a plain 4xx, the server lives, and nobody is woken."""
    assert ask(port, method, path, body)[0] == status
    assert ask(port, "GET", "/healthz")[0] == 200
    assert wake.count == 0


def test_without_a_secret_there_is_no_webhook(wake: Called, pulse: Pulse) -> None:
    """Nobody can wake a daemon that was not told how to recognise a friend."""
    with Face(application(pulse, Metrics(), wake, None), "127.0.0.1:0") as face:
        assert ask(face.port, "POST", "/webhook", BODY, X_Gitlab_Token="")[0] == 404


def test_health_tells_a_stuck_pass(port: int, pulse: Pulse) -> None:
    """Ready after the first pass; not alive while a pass does not end for longer than it may."""
    assert ask(port, "GET", "/readyz") == (503, "no pass yet")
    pulse.begin()
    pulse.end()
    assert ask(port, "GET", "/readyz") == (200, "last pass 2026-03-01T12:00:00Z")
    clock = pulse.clock
    assert isinstance(clock, VirtualClock)
    clock.advance(timedelta(seconds=1))
    pulse.begin()
    assert ask(port, "GET", "/healthz")[0] == 200
    clock.advance(timedelta(minutes=10))
    assert ask(port, "GET", "/healthz")[0] == 503


def test_metrics_follow_the_events() -> None:
    """One phase and one version per environment at a time; labels stay bounded."""
    metrics = Metrics()
    for to, version in (("applying", "v1"), ("passed", "v1"), ("applying", "v2")):
        data = {"to": to, "version": version}
        metrics.hear(Event(NOW, "environment.phase", "web", "asia", data=data))
    metrics.hear(Event(NOW, "pointer.moved", "web", "asia", data={"version": "v2"}))
    metrics.hear(Event(NOW, "rollout.failed", "web", data={"status": "rolled-back"}))
    text = metrics.text().decode()
    assert 'gitrel_rollout_phase{component="web",environment="asia",phase="applying"} 1.0' in text
    assert 'gitrel_rollout_phase{component="web",environment="asia",phase="passed"} 0.0' in text
    assert 'gitrel_component_info{component="web",environment="asia",version="v2"} 1.0' in text
    assert 'version="v1"' not in text
    assert 'gitrel_promotion_total{component="web"} 1.0' in text
    assert 'gitrel_rollout_total{component="web",status="rolled-back"} 1.0' in text


@pytest.mark.parametrize("text", ["8080", "localhost", "127.0.0.1:web", "127.0.0.1:99999", ":"])
def test_wrong_addresses_are_told(text: str) -> None:
    """The form is named."""
    with pytest.raises(UsageError, match=r"write it as 127\.0\.0\.1:8080"):
        parse_address(text)


def test_a_taken_address_is_told(port: int, wake: Called, pulse: Pulse) -> None:
    """It ends with a sentence, not with a traceback."""
    app = application(pulse, Metrics(), wake, None)
    with pytest.raises(UsageError, match="is it taken"), Face(app, f"127.0.0.1:{port}"):
        pass
