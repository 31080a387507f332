"""Single requests to a real API server that go wrong: rows 66 to 70, 75 and 76, and lost answers."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from gitrel.backends.backend import Refused
from gitrel.backends.kubernetes.backend import KubernetesBackend, open_kubernetes
from gitrel.errors import Unreachable
from gitrel.kube.identity import Object, ref_of
from tests.realcluster.conftest import IMPATIENT, RealPlane
from tests.realcluster.faults import faults
from tests.realcluster.faults.proxy import Action, Exchange, FaultProxy
from tests.realcluster.plane import TOKEN, write_kubeconfig

SETTINGS = r"/configmaps/settings$"


def config_map(plane: RealPlane, name: str = "settings", **data: str) -> Object:
    metadata = {"name": name, "namespace": plane.namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def live(plane: RealPlane, obj: Object) -> Object | None:
    """As the API server has it, whatever stands in between."""
    return plane.backend.read([obj]).get(ref_of(obj))


@contextmanager
def backend_at(kubeconfig: Path) -> Iterator[KubernetesBackend]:
    backend = open_kubernetes("eastus", "real", kubeconfig=str(kubeconfig), limits=IMPATIENT)
    try:
        yield backend
    finally:
        backend.close()


STALE = faults.status(
    409,
    "Conflict",
    'Operation cannot be fulfilled on configmaps "settings": the object has been modified; '
    "please apply your changes to the latest version and try again",
)
EXISTS = faults.status(409, "AlreadyExists", 'configmaps "settings" already exists')


@pytest.mark.parametrize("fault", [STALE, EXISTS], ids=["modified", "already-exists"])
def test_a_race_for_one_object_is_run_again(
    real_plane: RealPlane, proxy: FaultProxy, through: KubernetesBackend, fault: Action
) -> None:
    """66, 67: 409 because somebody wrote at the same instant is tried again, up to five times."""
    rule = proxy.on("PATCH", SETTINGS, fault, times=5)
    through.apply(config_map(real_plane, a="1"))
    assert rule.hits == 5
    found = live(real_plane, config_map(real_plane))
    assert found is not None and found["data"] == {"a": "1"}


def test_a_race_that_never_ends_is_given_up(
    real_plane: RealPlane, proxy: FaultProxy, through: KubernetesBackend
) -> None:
    """66: after five more attempts the server's own words are told, with the object's name."""
    rule = proxy.on("PATCH", SETTINGS, STALE)
    with pytest.raises(Refused, match=r"ConfigMap t\d+/settings: .*the object has been modified"):
        through.apply(config_map(real_plane, a="1"))
    assert rule.hits == 6


def test_a_field_of_somebody_else_is_never_taken(real_plane: RealPlane, through: KubernetesBackend) -> None:
    """66: a conflict of server-side apply names manager and field, is final, and changes nothing."""
    real_plane.write(config_map(real_plane, a="theirs"), manager="hand")
    with pytest.raises(Refused) as refused:
        through.apply(config_map(real_plane, a="ours"))
    assert refused.value.reason == "Conflict"
    assert '"hand"' in refused.value.message and ".data.a" in refused.value.message
    found = live(real_plane, config_map(real_plane))
    assert found is not None and found["data"] == {"a": "theirs"}


def test_a_server_that_says_when_to_come_back_is_obeyed(
    real_plane: RealPlane, proxy: FaultProxy, through: KubernetesBackend
) -> None:
    """68: 429 with Retry-After is waited for exactly, not a moment less."""
    busy = faults.status(429, "TooManyRequests", "too many requests", headers={"Retry-After": "2"})
    proxy.on("PATCH", SETTINGS, busy, times=1)
    through.apply(config_map(real_plane, a="1"))
    first, second = proxy.times("PATCH", SETTINGS)
    assert 2.0 <= second - first < 2.5


def test_a_server_that_does_not_say_when_is_left_more_and_more_time(
    real_plane: RealPlane, proxy: FaultProxy, through: KubernetesBackend
) -> None:
    """68: 429 alone is met by waits that double, with jitter, up to a cap."""
    proxy.on("PATCH", SETTINGS, faults.status(429, "TooManyRequests", "too many requests"), times=6)
    through.apply(config_map(real_plane, a="1"))
    times = proxy.times("PATCH", SETTINGS)
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    first, most = IMPATIENT.backoff_first, IMPATIENT.backoff_max
    for number, wait in enumerate(waits):
        nominal = min(first * 2**number, most)
        assert nominal / 2 <= wait < nominal + 0.2, waits


def test_patience_has_an_end(real_plane: RealPlane, proxy: FaultProxy, through: KubernetesBackend) -> None:
    """68: a server that stays busy uses up the budget, and then the cluster counts as out of reach."""
    proxy.on("PATCH", SETTINGS, faults.status(429, "TooManyRequests", "too many requests"))
    with pytest.raises(Unreachable, match="cluster eastus: it answers 429: too many requests"):
        through.apply(config_map(real_plane, a="1"))
    times = proxy.times("PATCH", SETTINGS)
    assert times[-1] - times[0] <= IMPATIENT.total


def test_a_wait_beyond_the_budget_is_not_begun(
    real_plane: RealPlane, proxy: FaultProxy, through: KubernetesBackend
) -> None:
    """68: told to come back in an hour, gitrel says so at once instead of sleeping."""
    late = faults.status(429, "TooManyRequests", "come back later", headers={"Retry-After": "3600"})
    rule = proxy.on("PATCH", SETTINGS, late)
    with pytest.raises(Unreachable, match="come back later"):
        through.apply(config_map(real_plane, a="1"))
    assert rule.hits == 1


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_a_gateway_with_hiccups_is_asked_again(
    real_plane: RealPlane, proxy: FaultProxy, through: KubernetesBackend, code: int
) -> None:
    """69: every request of gitrel's may be repeated, so it is."""
    rule = proxy.on("PATCH", SETTINGS, faults.html(code, "<html><h1>Sorry</h1></html>"), times=2)
    through.apply(config_map(real_plane, a=str(code)))
    assert rule.hits == 2
    found = live(real_plane, config_map(real_plane))
    assert found is not None and found["data"] == {"a": str(code)}


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_a_gateway_that_stays_broken_is_quoted(
    real_plane: RealPlane, proxy: FaultProxy, through: KubernetesBackend, code: int
) -> None:
    """69: the status and the first 200 characters, without what a terminal would obey."""
    proxy.on("PATCH", SETTINGS, faults.html(code, "<html>\x1b[2J\nBad\tgateway " + "x" * 5000))
    with pytest.raises(Unreachable) as error:
        through.apply(config_map(real_plane, a="1"))
    told = str(error.value)
    assert told.startswith(f"cluster eastus: it answers {code}: <html>") and "Bad gateway xxx" in told
    assert len(told) < 250 and "\x1b" not in told and "\n" not in told


def test_an_answer_that_is_not_kubernetes_is_told_as_such(
    real_plane: RealPlane, proxy: FaultProxy, through: KubernetesBackend
) -> None:
    """69: a login page with status 200 is no object, and nothing is believed to be applied."""
    proxy.on("PATCH", SETTINGS, faults.html(200, "<html>Please log in</html>"))
    with pytest.raises(Unreachable, match="not JSON"):
        through.apply(config_map(real_plane, a="1"))


def full_socket() -> socket.socket:
    """Listens and accepts nobody: its queue is full, so that nobody else gets a connection."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(0)
    return listening


def test_each_way_of_not_answering_has_its_own_text(
    real_plane: RealPlane, proxy: FaultProxy, through: KubernetesBackend, tmp_path: Path
) -> None:
    """70: time-outs, TLS, names and refusals are told apart, and none takes longer than was allowed."""
    proxy.on("GET", "/kube-system$", faults.hang)
    with pytest.raises(Unreachable, match="cluster eastus: no answer in time"):
        through.identity()
    proxy.heal()
    proxy.on("GET", "/kube-system$", faults.reset)
    with pytest.raises(Unreachable, match="cluster eastus: the connection broke"):
        through.identity()
    proxy.heal()

    ca = str(proxy.folder / "ca.crt")
    stranger = write_kubeconfig(tmp_path / "tls", proxy.url, ca=str(real_plane.plane.ca))
    with backend_at(stranger) as backend, pytest.raises(Unreachable, match="TLS failed"):
        backend.identity()
    nowhere = write_kubeconfig(tmp_path / "dns", "https://no-such-host.invalid:6443", ca=ca)
    with backend_at(nowhere) as backend, pytest.raises(Unreachable, match="name cannot be resolved"):
        backend.identity()
    closed = write_kubeconfig(tmp_path / "closed", "https://127.0.0.1:1", ca=ca)
    with backend_at(closed) as backend, pytest.raises(Unreachable, match="connection was refused"):
        backend.identity()

    with full_socket() as listening, socket.socket() as first, socket.socket() as second:
        for one in (first, second):
            one.setblocking(False)
            one.connect_ex(listening.getsockname())
        port = listening.getsockname()[1]
        slow = write_kubeconfig(tmp_path / "slow", f"https://127.0.0.1:{port}", ca=ca)
        with backend_at(slow) as backend, pytest.raises(Unreachable, match="no connection in time"):
            backend.identity()


@pytest.mark.parametrize("fault", [faults.reset, faults.cut_body, faults.lose_answer, faults.hang])
def test_a_broken_connection_costs_a_repetition_and_nothing_else(
    real_plane: RealPlane, proxy: FaultProxy, through: KubernetesBackend, fault: Action
) -> None:
    """70, and a lost answer after the write: what was applied is applied once, whoever saw it."""
    rule = proxy.on("PATCH", SETTINGS, fault, times=1)
    applied = through.apply(config_map(real_plane, a="1"))
    assert rule.hits == 1
    again = real_plane.backend.apply(config_map(real_plane, a="1"))
    assert applied["metadata"]["resourceVersion"] == again["metadata"]["resourceVersion"]


def test_a_delete_whose_answer_was_lost_is_a_delete(
    real_plane: RealPlane, proxy: FaultProxy, through: KubernetesBackend
) -> None:
    """The second attempt finds nothing, which is what was wanted; another object of the name stays."""
    applied = through.apply(config_map(real_plane, a="1"))

    def delete_and_replace(exchange: Exchange) -> None:
        exchange.forward()
        real_plane.write(config_map(real_plane, a="theirs"))
        exchange.reset()

    proxy.on("DELETE", SETTINGS, delete_and_replace, times=1)
    through.delete(applied)
    found = live(real_plane, config_map(real_plane))
    assert found is not None and found["data"] == {"a": "theirs"}


def rotating(proxy: FaultProxy, folder: Path) -> tuple[Path, Path]:
    """A kubeconfig that reads its token from a file, and the file."""
    token = folder / "token"
    token.write_text(TOKEN, encoding="utf-8")
    kubeconfig = folder / "kubeconfig"
    text = proxy.kubeconfig.read_text(encoding="utf-8")
    text = text.replace(f"token: {TOKEN}", f"tokenFile: {token}").replace(
        "certificate-authority: ca.crt", f"certificate-authority: {proxy.folder / 'ca.crt'}"
    )
    kubeconfig.write_text(text, encoding="utf-8")
    return kubeconfig, token


UNAUTHORIZED = faults.status(401, "Unauthorized", "Unauthorized")


def test_a_token_that_was_rotated_in_the_middle_is_read_anew(
    real_plane: RealPlane, proxy: FaultProxy, tmp_path: Path
) -> None:
    """75: 401 is asked once more with the credential as it is now, and the run goes on."""
    kubeconfig, token = rotating(proxy, tmp_path)
    current = [TOKEN]

    def check(exchange: Exchange) -> None:
        if exchange.seen.token != current[0]:
            UNAUTHORIZED(exchange)
            return
        exchange.forward_as(TOKEN)

    proxy.on("*", "", check)
    with backend_at(kubeconfig) as backend:
        backend.apply(config_map(real_plane, a="1"))
        current[0] = "rotated"
        token.write_text("rotated", encoding="utf-8")
        applied = backend.apply(config_map(real_plane, a="2"))
    assert applied["data"] == {"a": "2"}
    assert [seen.token for seen in proxy.seen if seen.method == "PATCH"] == [TOKEN, TOKEN, "rotated"]


def test_a_credential_that_is_refused_is_tried_twice_and_no_more(
    real_plane: RealPlane, proxy: FaultProxy, through: KubernetesBackend
) -> None:
    """75: then the server's answer is told, without the credential."""
    through.apply(config_map(real_plane, a="1"))
    rule = proxy.on("PATCH", SETTINGS, UNAUTHORIZED)
    with pytest.raises(Refused, match="Unauthorized") as refused:
        through.apply(config_map(real_plane, a="2"))
    assert rule.hits == 2 and TOKEN not in str(refused.value)


def test_what_is_forbidden_is_named(real_plane: RealPlane, proxy: FaultProxy, tmp_path: Path) -> None:
    """75: 403 on one kind names who, verb, resource and namespace, and the others work; it is final."""
    namespace = real_plane.namespace
    role = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}
    metadata = {"name": "writer", "namespace": namespace}
    rbac = "rbac.authorization.k8s.io"
    real_plane.write({"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": metadata, "rules": [role]})
    real_plane.write(
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "writer"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace}],
        }
    )
    token = real_plane.kubectl("create", "token", "default").strip()
    kubeconfig = write_kubeconfig(
        tmp_path / "kubeconfig", proxy.url, ca=str(proxy.folder / "ca.crt"), token=token
    )
    secret = {**config_map(real_plane), "kind": "Secret", "data": {"a": "cGFzc3dvcmQ="}}
    with backend_at(kubeconfig) as backend:
        backend.apply(config_map(real_plane, a="1"))
        with pytest.raises(Refused) as refused:
            backend.apply(secret)
    told = str(refused.value)
    assert refused.value.reason == "Forbidden" and proxy.count("PATCH", "/secrets/") == 1
    for word in (f"system:serviceaccount:{namespace}:default", '"patch"', '"secrets"', f'"{namespace}"'):
        assert word in told.replace("cannot patch", 'cannot "patch"'), told
    assert "cGFzc3dvcmQ" not in told and token not in told


def definition(group: str) -> Object:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"parcels.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": "Parcel", "plural": "parcels"},
            "scope": "Namespaced",
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
            ],
        },
    }


def parcel(plane: RealPlane, group: str) -> Object:
    metadata = {"name": "first", "namespace": plane.namespace}
    return {"apiVersion": f"{group}/v1", "kind": "Parcel", "metadata": metadata, "spec": {"to": "sea"}}


def test_a_kind_that_was_just_installed_is_found(
    real_plane: RealPlane, proxy: FaultProxy, through: KubernetesBackend
) -> None:
    """76: what the server served when gitrel first looked is looked at once more for a kind it lacked."""
    group = f"{real_plane.namespace}.example.com"
    with pytest.raises(Refused, match=f"serves no Parcel in {group}/v1"):
        through.apply(parcel(real_plane, group))
    through.apply(definition(group))
    try:

        def served() -> bool:
            try:
                through.apply(parcel(real_plane, group))
            except Refused:
                return False
            return True

        real_plane.wait_for(served, 20)
        assert live(real_plane, parcel(real_plane, group)) is not None
    finally:
        real_plane.backend.delete(definition(group))


def test_a_kind_that_moved_is_discovered_again(
    real_plane: RealPlane, proxy: FaultProxy, through: KubernetesBackend
) -> None:
    """76: a path that was right a while ago answers 404; gitrel rediscovers once and goes on."""
    through.apply(config_map(real_plane, a="1"))
    asked = proxy.count("GET", "^/api/v1$")
    gone = faults.answer(404, b"404 page not found\n", {"Content-Type": "text/plain"})
    proxy.on("PATCH", SETTINGS, gone, times=1)
    through.apply(config_map(real_plane, a="2"))
    assert proxy.count("GET", "^/api/v1$") == asked + 1
    found = live(real_plane, config_map(real_plane))
    assert found is not None and found["data"] == {"a": "2"}


def test_a_kind_that_is_not_installed_is_named(
    real_plane: RealPlane, proxy: FaultProxy, through: KubernetesBackend
) -> None:
    """76: kind and version, after one look; nothing was sent for it."""
    with pytest.raises(
        Refused, match=r"Parcel\S* t\d+/first: the cluster serves no Parcel in absent.example/v1"
    ):
        through.apply(parcel(real_plane, "absent.example"))
    assert proxy.count("PATCH", "") == 0 and proxy.count("GET", "absent.example") == 1


def test_discovery_that_fails_is_not_taken_for_an_absent_kind(
    real_plane: RealPlane, proxy: FaultProxy, through: KubernetesBackend
) -> None:
    """76: a list of kinds that cannot be had says nothing about kinds."""
    proxy.on("GET", "^/api/v1$", faults.status(403, "Forbidden", "no discovery for you"))
    with pytest.raises(Refused, match="no discovery for you"):
        through.apply(config_map(real_plane, a="1"))
    proxy.heal()
    through.apply(config_map(real_plane, a="1"))


def test_a_list_whose_page_expired_is_begun_anew(
    real_plane: RealPlane, proxy: FaultProxy, through: KubernetesBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """72: 410 on a `continue` token lists from the start; nothing is missing and nothing is there twice."""
    monkeypatch.setattr("gitrel.backends.kubernetes.backend.PAGE", 2)
    names = [f"c{number}" for number in range(5)]
    for name in names:
        real_plane.backend.apply(config_map(real_plane, name))
    expired = faults.status(410, "Expired", "The provided continue parameter is too old")
    rule = proxy.on("GET", "/configmaps$", expired, skip=2, times=1)
    found = [one["metadata"]["name"] for one in through.list("v1", "ConfigMap", real_plane.namespace)]
    assert [name for name in found if name in names] == names
    assert rule.hits == 1 and len(found) == len(set(found))


def test_no_token_is_in_what_was_seen(proxy: FaultProxy, through: KubernetesBackend) -> None:
    """Requests carry their credential in one header, never in a URL that a proxy would log."""
    through.identity()
    assert all(TOKEN not in orjson.dumps(seen.query).decode() + seen.path for seen in proxy.seen)
