"""Server-side apply: who owns what, what is merged, what is given up, and when it is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cluster.api.apply.fieldset import fields_of, from_fields_v1, shown_path, to_fields_v1, whole
from gitrel.cluster.api.apply.merging import compared, merged, without
from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.api.schema import type_of
from gitrel.cluster.cluster import Cluster
from gitrel.kube.fields import get as field
from gitrel.kube.fields import removed, replaced
from tests.cluster.harness import cluster, container, deployment, get

DEPLOYMENT = type_of("apps/v1", "Deployment")


def web(c: Cluster) -> Any:
    return get(c, "deployments.apps", "default", "web")


def owners(obj: Any) -> dict[str, str]:
    """manager → operation, in the order in which they are recorded."""
    return {entry["manager"]: entry["operation"] for entry in obj["metadata"].get("managedFields", ())}


def owned(obj: Any, manager: str) -> set[str]:
    """The fields of a manager, as people read them."""
    entry = next(e for e in obj["metadata"]["managedFields"] if e["manager"] == manager)
    return {shown_path(path) for path in from_fields_v1(entry["fieldsV1"])}


def with_containers(*containers: Any) -> Any:
    return replaced(deployment("web"), ("spec", "template", "spec", "containers"), list(containers))


def test_an_apply_creates_and_owns_what_it_says() -> None:
    """Only the fields of the configuration are owned, not the defaults."""
    c = cluster()
    made = c.api.apply(deployment("web"))
    assert made["spec"]["strategy"]["type"] == "RollingUpdate"
    assert owned(made, "gitrel") == {
        ".metadata.labels.app",
        ".spec.replicas",
        ".spec.selector",
        ".spec.template.metadata.labels.app",
        '.spec.template.spec.containers[name="app"]',
        '.spec.template.spec.containers[name="app"].image',
        '.spec.template.spec.containers[name="app"].name',
    }


def test_applying_the_same_again_changes_nothing() -> None:
    """Neither resourceVersion nor the times of the record, however much later."""
    c = cluster()
    made = c.api.apply(deployment("web"))
    c.advance(timedelta(hours=1))
    before = c.revision
    assert c.api.apply(deployment("web")) is made
    assert c.revision == before


def test_a_field_of_another_manager_is_a_conflict() -> None:
    """409, naming the manager and the field; equal values are shared without one; force takes over."""
    c = cluster()
    c.api.apply(deployment("web"))
    other = c.api.acting_as("autoscaler")
    assert owners(other.apply(deployment("web"))) == {"autoscaler": "Apply", "gitrel": "Apply"}
    other = c.api.acting_as("editor")
    other.patch("deployments.apps", "web", {"spec": {"replicas": 7}}, "default")
    with pytest.raises(ApiError) as refused:
        c.api.apply(deployment("web"))
    assert (refused.value.code, refused.value.reason) == (409, "Conflict")
    assert refused.value.message == (
        'Apply failed with 1 conflict: conflict with "editor" using apps/v1: .spec.replicas'
    )
    assert refused.value.details["causes"][0] == {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "editor" using apps/v1',
        "field": ".spec.replicas",
    }
    forced = c.api.apply(deployment("web"), force=True)
    assert forced["spec"]["replicas"] == 3
    assert "editor" not in owners(forced)


def test_several_conflicts_are_told_together() -> None:
    """By manager, each with its fields, as kubectl prints them."""
    c = cluster()
    c.api.apply(deployment("web"))
    mine = replaced(with_containers(container(image="b:2")), ("spec", "replicas"), 5)
    with pytest.raises(ApiError) as refused:
        c.api.acting_as("other").apply(mine)
    assert refused.value.message == (
        'Apply failed with 2 conflicts: conflicts with "gitrel":\n'
        "- .spec.replicas\n"
        '- .spec.template.spec.containers[name="app"].image'
    )


def test_an_update_takes_over_what_it_changes() -> None:
    """A patch moves ownership of exactly the changed field."""
    c = cluster()
    c.api.apply(deployment("web"))
    after = c.api.acting_as("editor").patch("deployments.apps", "web", {"spec": {"replicas": 7}}, "default")
    assert owned(after, "editor") == {".spec.replicas"}
    assert ".spec.replicas" not in owned(after, "gitrel")


def test_a_controllers_change_of_a_managed_object_is_recorded() -> None:
    """A trusted writer that scales takes the field over too; one that writes status leaves the record
    alone.
    """
    c = cluster()
    c.api.apply(deployment("web"))
    c.writer.update_status("deployments.apps", replaced(web(c), ("status", "replicas"), 1))
    assert owners(web(c)) == {"gitrel": "Apply"}
    c.writer.update("deployments.apps", replaced(web(c), ("spec", "replicas"), 9))
    with pytest.raises(ApiError, match=r"\.spec\.replicas"):
        c.api.apply(deployment("web"))


GIVEN_UP: dict[str, tuple[Any, Any, tuple[str, ...], Any]] = {
    "a label goes": (
        replaced(deployment("web"), ("metadata", "labels"), {"a": "1", "b": "2"}),
        replaced(deployment("web"), ("metadata", "labels"), {"a": "1"}),
        ("metadata", "labels"), {"a": "1"},
    ),
    "the last label takes the map along": (
        replaced(deployment("web"), ("metadata", "labels"), {"a": "1"}),
        removed(deployment("web"), ("metadata", "labels")),
        ("metadata", "labels"), None,
    ),
    "a given-up field with a default gets the default": (
        deployment("web", 7), removed(deployment("web"), ("spec", "replicas")), ("spec", "replicas"), 1,
    ),
    "an atomic value goes as a whole": (
        replaced(deployment("web"), ("spec", "template", "spec", "nodeSelector"), {"a": "1", "b": "2"}),
        deployment("web"), ("spec", "template", "spec", "nodeSelector"), None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GIVEN_UP)
def test_what_is_no_longer_said_is_removed(case: str) -> None:
    """Fields that only this applier owned go when its configuration drops them."""
    first, second, path, wanted = GIVEN_UP[case]
    c = cluster()
    c.api.apply(first)
    assert field(c.api.apply(second), *path) == wanted


def test_an_entry_of_a_list_goes_unless_somebody_else_owns_in_it() -> None:
    """A dropped sidecar disappears, defaults and all; one in which another manager owns a field stays."""
    c = cluster()
    c.api.apply(with_containers(container("app"), container("gone"), container("kept")))
    other = c.api.acting_as("injector")
    other.apply(with_containers(container("kept", tty=True)))
    containers = c.api.apply(with_containers(container("app")))["spec"]["template"]["spec"]["containers"]
    assert [entry["name"] for entry in containers] == ["app", "kept"]
    assert containers[1] | {"tty": True, "image": container()["image"]} == containers[1]


def test_lists_without_proper_keys_are_refused() -> None:
    """An entry that lacks its key, or comes twice, cannot be merged."""
    c = cluster()
    c.api.apply(deployment("web"))
    with pytest.raises(ApiError, match='omits key field "name"'):
        c.api.apply(with_containers({"image": "x"}))
    with pytest.raises(ApiError, match="duplicate entries for key"):
        c.api.apply(with_containers(container("app"), container("app")))


def test_what_two_own_stays_until_both_give_it_up() -> None:
    """Shared ownership is how a field is handed over without a gap."""
    c = cluster()
    both = replaced(deployment("web"), ("metadata", "labels"), {"app": "web", "shared": "1"})
    c.api.apply(both)
    other = c.api.acting_as("other")
    other.apply(both)
    assert c.api.apply(deployment("web"))["metadata"]["labels"]["shared"] == "1"
    assert "shared" not in other.apply(deployment("web"))["metadata"]["labels"]


def test_lists_are_merged_by_their_keys() -> None:
    """Two appliers each own their port, although the port numbers agree: the protocol is part of the key."""
    c = cluster()
    tcp = container("app", ports=[{"containerPort": 53, "protocol": "TCP", "name": "tcp"}])
    udp = container("app", ports=[{"containerPort": 53, "protocol": "UDP", "name": "udp"}])
    c.api.apply(with_containers(tcp))
    after = c.api.acting_as("other").apply(with_containers(udp))
    ports = after["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert sorted(port["name"] for port in ports) == ["tcp", "udp"]


def test_status_is_owned_apart() -> None:
    """Applying through the status subresource owns only status, and the main resource owns none of it."""
    c = cluster()
    c.api.apply(deployment("web"))
    status = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "status": {"replicas": 2},
    }
    after = c.api.acting_as("observer").apply(status, subresource="status")
    assert after["status"] == {"replicas": 2}
    assert owned(after, "observer") == {".status.replicas"}
    entry = next(e for e in after["metadata"]["managedFields"] if e["manager"] == "observer")
    assert entry["subresource"] == "status"
    again = c.api.apply(replaced(deployment("web"), ("status",), {"replicas": 99}))
    assert again["status"] == {"replicas": 2}


def test_an_object_from_before_has_an_owner() -> None:
    """The first apply onto an object nobody managed meets `before-first-apply`, as in Kubernetes."""
    c = cluster()
    c.writer.create("deployments.apps", deployment("web", 5))
    with pytest.raises(ApiError, match='conflict with "before-first-apply" using apps/v1'):
        c.api.apply(deployment("web"))
    assert c.api.apply(deployment("web"), force=True)["spec"]["replicas"] == 3


def test_a_dry_apply_answers_and_stores_nothing() -> None:
    """The diff of a change is what a dry run returns."""
    c = cluster()
    c.api.apply(deployment("web"))
    before = c.revision
    dry = c.api.acting_as("gitrel", dry_run=True).apply(deployment("web", 9))
    assert dry["spec"]["replicas"] == 9
    assert (web(c)["spec"]["replicas"], c.revision) == (3, before)


def test_applying_needs_a_manager_and_no_record() -> None:
    """400 and 422 for what a client must not do."""
    c = cluster()
    with pytest.raises(ApiError, match="fieldManager: Required value: is required for apply patch"):
        c.api.acting_as("").apply(deployment("web"))
    made = c.api.apply(deployment("web"))
    with pytest.raises(ApiError, match=r"metadata\.managedFields must be nil"):
        c.api.apply(made)


# --- the pure parts, on random configurations -------------------------------------------------------------

LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("12"), max_size=3)
PORTS = st.lists(
    st.builds(
        lambda number, protocol: {"containerPort": number, "protocol": protocol},
        st.sampled_from([80, 81]),
        st.sampled_from(["TCP", "UDP"]),
    ),
    max_size=3,
    unique_by=lambda port: (port["containerPort"], port["protocol"]),
)
CONTAINERS = st.lists(
    st.builds(lambda name, ports: {"name": name, "ports": ports}, st.sampled_from("xyz"), PORTS),
    max_size=3,
    unique_by=lambda entry: str(entry["name"]),
)
CONFIGS = st.builds(
    lambda labels, replicas, containers: {
        "metadata": {"labels": labels},
        "spec": {**replicas, "template": {"spec": {"containers": containers}}},
    },
    LABELS,
    st.sampled_from([{}, {"replicas": 1}, {"replicas": 2}]),
    CONTAINERS,
)


@settings(max_examples=150, deadline=None)
@given(CONFIGS, CONFIGS)
def test_merging_has_everything_that_was_applied(live: Any, config: Any) -> None:
    """After a merge every applied field has the applied value, and merging again changes nothing."""
    new = merged(live, config, DEPLOYMENT)
    change = compared(config, new, DEPLOYMENT)
    assert not change.modified
    assert not change.removed
    assert merged(new, config, DEPLOYMENT) == new


@settings(max_examples=150, deadline=None)
@given(CONFIGS, CONFIGS)
def test_comparing_finds_what_merging_changed(live: Any, config: Any) -> None:
    """Nothing that compares as untouched differs: taking away what was added and changed leaves equal
    rests.
    """
    new = merged(live, config, DEPLOYMENT)
    change = compared(live, new, DEPLOYMENT)
    known = whole(new, DEPLOYMENT, ()) | fields_of(config, DEPLOYMENT)
    assert change.added | change.modified <= {path[:n] for path in known for n in range(1, len(path) + 1)}
    rest = compared(
        without(live, change.modified, DEPLOYMENT), without(new, change.touched, DEPLOYMENT), DEPLOYMENT
    )
    assert not rest.modified


@settings(max_examples=150, deadline=None)
@given(CONFIGS)
def test_field_sets_survive_their_written_form(config: Any) -> None:
    """fieldsV1 is read back as the set that was written."""
    fields = fields_of(config, DEPLOYMENT)
    assert from_fields_v1(to_fields_v1(fields)) == fields


def test_too_many_updaters_become_one() -> None:
    """Of more than ten managers that update, the oldest are squashed; what they owned is still owned."""
    c = cluster()
    map_ = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}}
    c.api.acting_as("m00").create({**map_, "data": {"k00": "1"}})
    for number in range(1, 14):
        c.advance(timedelta(seconds=1))
        c.api.acting_as(f"m{number:02}").patch(
            "configmaps", "a", {"data": {f"k{number:02}": "1"}}, "default",
            type_="application/merge-patch+json",
        )  # fmt: skip
    rows = c.api.get("configmaps", "a", "default")["metadata"]["managedFields"]
    assert [row["manager"] for row in rows] == ["ancient-changes", *(f"m{n:02}" for n in range(5, 14))]
    assert [key for key in rows[0]["fieldsV1"]["f:data"] if key != "."] == [f"f:k{n:02}" for n in range(5)]
