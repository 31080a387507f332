"""The inventory survives the round trip, grows before it shrinks, and is never misread."""

from __future__ import annotations

import base64
import random
import zlib
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.delivery.inventory import (
    UNPACKED_BYTES_MAX,
    InventoryTooLarge,
    InventoryUnreadable,
    empty,
    from_object,
    name_of,
    parent,
    to_object,
)
from gitrel.delivery.labels import applyset_id
from gitrel.kube.identity import Object
from tests.delivery.support import load

SERVICE = load("{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop, labels: {a: b}}}")
DEPLOYMENT = load("{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop}}")
ROLE = load("{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: web}}")
ELSEWHERE = load("{apiVersion: v1, kind: ConfigMap, metadata: {name: web, namespace: tools}}")
FULL = empty("web", "eu", "shop").holding("v1", "sha256:1", "abc", [DEPLOYMENT, SERVICE, ROLE, ELSEWHERE])


def test_round_trip() -> None:
    """What is written is what is read."""
    assert from_object(to_object(FULL), "eu") == FULL


def test_it_is_an_applyset() -> None:
    """The parent carries what KEP-3659 asks for, so that other tools understand it."""
    obj = to_object(FULL)
    assert obj["metadata"]["labels"]["applyset.kubernetes.io/id"] == applyset_id("gitrel-web", "shop")
    annotations = obj["metadata"]["annotations"]
    assert annotations["applyset.kubernetes.io/tooling"].startswith("gitrel/v")
    assert annotations["applyset.kubernetes.io/contains-group-kinds"] == (
        "ClusterRole.rbac.authorization.k8s.io,ConfigMap,Deployment.apps,Service"
    )
    assert annotations["applyset.kubernetes.io/additional-namespaces"] == "tools"


def test_the_id_is_the_one_of_the_kep() -> None:
    """`applyset-<base64url(sha256("name.namespace.kind.group"))>-v1`, as kubectl computes it."""
    # printf 'x.y.ConfigMap.' | openssl dgst -sha256 -binary | base64 | tr '+/' '-_' | tr -d =
    assert applyset_id("x", "y") == "applyset-6UudeNYvw0WHxYbiJsYkZEtylzzf6Akz5gBX1m1SwTQ-v1"
    assert len(applyset_id("a" * 253, "b" * 63)) <= 63


def test_it_holds_identities_only() -> None:
    """Members are named, not copied: an inventory holds no secret."""
    assert all(set(obj) == {"apiVersion", "kind", "metadata"} for obj in FULL.objects)
    assert [obj["kind"] for obj in FULL.objects] == ["ConfigMap", "ClusterRole", "Service", "Deployment"]
    assert all(set(obj["metadata"]) <= {"name", "namespace"} for obj in FULL.objects)


def test_it_grows_before_it_shrinks() -> None:
    """Until everything is applied both the old and the new members are remembered, and the old digest."""
    before = empty("web", "eu", "shop").holding("v1", "sha256:1", "abc", [SERVICE])
    during = before.growing_by([DEPLOYMENT])
    after = during.holding("v2", "sha256:2", "def", [DEPLOYMENT])
    assert [o["kind"] for o in during.objects] == ["Service", "Deployment"]
    assert (during.version, during.digest) == ("v1", "sha256:1")
    assert [o["kind"] for o in after.objects] == ["Deployment"]
    assert (after.version, after.digest, after.commit) == ("v2", "sha256:2", "def")


def test_a_first_apply_has_no_digest_yet() -> None:
    """While the first release is on its way nothing counts as applied, through the round trip too."""
    during = empty("web", "eu", "shop").growing_by([SERVICE])
    assert from_object(to_object(during), "eu").digest is None


def test_a_newer_apiversion_of_the_same_object_stays_one_member() -> None:
    """An object keeps its identity when its manifest moves to another apiVersion."""
    newer = {**DEPLOYMENT, "apiVersion": "apps/v2"}
    assert [o["apiVersion"] for o in empty("web", "eu", "s").growing_by([DEPLOYMENT, newer]).objects] == [
        "apps/v2"
    ]


def damaged(**data: str | None) -> Object:
    obj: Any = to_object(FULL)
    obj["data"] = {k: v for k, v in {**obj["data"], **data}.items() if v is not None}
    return dict(obj)


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        pytest.param(damaged(format="3"), "has the format '3', this gitrel reads '1' and '2'", id="newer"),
        pytest.param(damaged(format=None), "has the format None", id="no format"),
        pytest.param(
            damaged(environment="us"), "already holds the environment 'us'", id="another environment"
        ),
        pytest.param(damaged(objects="[{]"), "the list of objects is damaged", id="broken JSON"),
        pytest.param(damaged(objects='[{"kind": 1}]'), "the list of objects is damaged", id="broken member"),
        pytest.param(damaged(objects="3"), "the list of objects is damaged", id="no list"),
        pytest.param(damaged(component="api"), "was copied or renamed", id="another component"),
        pytest.param({**to_object(FULL), "data": None}, "has the format None", id="emptied"),
    ],
)
def test_a_damaged_inventory_is_never_taken_for_nothing(obj: Object, message: str) -> None:
    """An unreadable inventory stops the apply: treating it as empty would orphan or adopt objects."""
    with pytest.raises(InventoryUnreadable, match=message):
        from_object(obj, "eu")


def test_where_it_is_found() -> None:
    """One ConfigMap per component and namespace, addressed without reading anything."""
    assert parent("web", "shop")["metadata"] == {"name": name_of("web"), "namespace": "shop"}


def many(count: int) -> list[Object]:
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"settings-of-the-{number}th-shop-in-a-long-street", "namespace": "shop"},
        }
        for number in range(count)
    ]


def test_a_very_large_release_fits() -> None:
    """5,000 objects are more than half a mebibyte as text and a fraction of one as they are kept."""
    full = empty("web", "eu", "shop").holding("v1", "sha256:1", "abc", many(5000))
    obj = to_object(full)
    assert len(orjson.dumps(full.objects)) > 500_000
    assert len(orjson.dumps(obj)) < 100_000
    assert "objects" not in obj["data"]
    assert from_object(obj, "eu") == full
    assert to_object(full) == obj, "the same list gives the same text, so that an apply changes nothing"


@settings(max_examples=30, deadline=None)
@given(names=st.sets(st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=40), max_size=40))
def test_both_forms_survive_the_round_trip(names: set[str]) -> None:
    """Whatever the names are, and on both sides of the limit."""
    members = [{**SERVICE, "metadata": {"name": name * factor}} for name in names for factor in (1, 40)]
    full = empty("web", "eu", "shop").holding("v1", "sha256:1", "abc", members)
    assert from_object(to_object(full), "eu") == full


@pytest.mark.parametrize("damage", [b"", b"x", b"\x78\x9c", zlib.compress(b"[]")[:-3], zlib.compress(b"{")])
def test_a_damaged_packed_list_is_told(damage: bytes) -> None:
    """Cut off, not zlib, not JSON: never "nothing is deployed"."""
    obj = to_object(empty("web", "eu", "shop").holding("v1", "sha256:1", "abc", many(1000)))
    obj["binaryData"] = {"objects": base64.b64encode(damage).decode()}
    with pytest.raises(InventoryUnreadable, match="the list of objects is damaged"):
        from_object(obj, "eu")


def test_what_unpacks_to_far_too_much_is_refused() -> None:
    """A few kilobytes in a cluster cannot fill the memory of whoever reads them."""
    obj = to_object(empty("web", "eu", "shop").holding("v1", "sha256:1", "abc", many(1000)))
    bomb = zlib.compress(b"[" + b" " * (UNPACKED_BYTES_MAX + 1) + b"]", 1)
    obj["binaryData"] = {"objects": base64.b64encode(bomb).decode()}
    with pytest.raises(InventoryUnreadable, match="the list of objects is damaged"):
        from_object(obj, "eu")


def test_more_than_one_inventory_can_hold_is_said() -> None:
    """Names without any pattern do not compress: better told before the cluster is touched."""
    draw = random.Random(7)
    objects = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{draw.getrandbits(800):x}"}}
        for _ in range(9000)
    ]
    with pytest.raises(InventoryTooLarge, match="web in eu has 9,000 objects"):
        to_object(empty("web", "eu", "shop").growing_by(objects))
