"""Delivering on the bundled cluster: in order, by each object's policies, and without surprises midway."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gitrel.backends.backend import Backend, Refused
from gitrel.delivery.plan import Entry, Plan
from gitrel.kube.identity import Object, Ref, ref_of
from gitrel.orchestrator import commands
from gitrel.orchestrator.applying import ATTEMPTS_MAX, carry_out
from gitrel.orchestrator.underway import PartlyApplied
from gitrel.rehearsal.faults import NeverReady
from gitrel.rehearsal.outage import InterruptedBackend
from gitrel.rollout.state import Phase
from tests import small
from tests.orchestrator.support import Town, town

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME, annotations: {NOTES}}\ndata: {DATA}\n"
PROBE = "readinessProbe: {tcpSocket: {port: 80}}"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, annotations: {gitrel.dev/order: "ORDER"}}
spec:
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec: {containers: [{name: c, image: "example.com/NAME:v2", PROBE}]}
"""
DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: gadgets, singular: gadget, kind: Gadget, listKind: GadgetList}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
GADGET = "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: one}\nspec: {size: 1}\n"


def config(name: str, data: str, notes: str = "") -> str:
    return CONFIG.replace("NAME", name).replace("DATA", data).replace("NOTES", notes)


def live(place: Town, name: str, kind: str = "ConfigMap") -> Object:
    identity = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "shop"}}
    (found,) = place.cluster("quiet").read([identity]).values()
    return found


def write_as(place: Town, manager: str, obj: dict[str, Any]) -> None:
    """As somebody who is not gitrel, by force."""
    catalog, _ = place.world.source.catalog(place.world.source.head())
    cluster = place.fleet._cluster(catalog.environments["quiet"])
    cluster.api.acting_as(manager).apply(obj, force=True)
    cluster.settle()


def data_of(name: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Town]:
    with town(tmp_path) as it:
        yield it


def test_a_stage_is_ready_before_the_next_is_applied(place: Town) -> None:
    """By the declared order: nothing of the later one exists while the earlier one becomes ready."""
    place.write(
        "apps/web/v2/base-deployment.yaml",
        DEPLOYMENT.replace("NAME", "base").replace("ORDER", "-1").replace("PROBE", PROBE),
    )
    commands.promote(place.world, "web", "v2", "quiet")
    (outcome,) = place.once().waiting
    assert "Deployment.apps shop/base is not ready: " in outcome.waiting
    assert "(stage 1 of 2)" in outcome.waiting
    assert outcome.changes == {"created": 1}
    assert place.image_of("quiet", "base") == "example.com/base:v2"
    assert place.image_of("quiet", "web") == "example.com/web:v1"
    for _ in range(30):
        place.wait(timedelta(seconds=1))
        report = place.once()
        if not report.waiting:
            break
    assert place.image_of("quiet", "web") == "example.com/web:v2"
    place.settle()
    assert place.pointers()["quiet"] == "v2"


def test_a_stage_that_never_gets_ready_is_bounded_by_the_deadline(tmp_path: Path) -> None:
    """The rollout gives up, names what it waited for, and goes back; the later stage was never touched."""
    with town(tmp_path, NeverReady("example.com/base:*")) as place:
        text = DEPLOYMENT.replace("NAME", "base").replace("ORDER", "-1").replace("PROBE", PROBE)
        place.write("apps/web/v2/base-deployment.yaml", text)
        commands.promote(place.world, "web", "v2", "quiet")
        report = place.settle()
        rollout = report.rollouts["web"]
        assert rollout.status == "rolled-back"
        assert "Deployment.apps shop/base is not ready: " in rollout.because
        assert place.image_of("quiet", "web") == "example.com/web:v1"
        found = place.cluster("quiet").list("apps/v1", "Deployment", "shop")
        assert [one["metadata"]["name"] for one in found] == ["web"]


def test_a_definition_and_what_it_defines_go_in_one_release(place: Town) -> None:
    """The definition is established first; nobody has to release twice, or to leave something out."""
    place.write("apps/web/v2/gadgets-customresourcedefinition.yaml", DEFINITION)
    place.write("apps/web/v2/one-gadget.yaml", GADGET)
    commands.promote(place.world, "web", "v2", "quiet")
    place.settle()
    (gadget,) = place.cluster("quiet").list("example.com/v1", "Gadget", "shop")
    assert gadget["spec"] == {"size": 1}
    assert place.pointers()["quiet"] == "v2"


def test_a_contested_field_is_told_and_never_taken(place: Town) -> None:
    """Nothing of the release is applied; manager, field and line are named."""
    write_as(place, "hpa", data_of("web-v1", where="elsewhere"))
    place.write("apps/web/v1/web-configmap.yaml", config("web-v1", "where: new"))
    place.write("apps/web/v1/more-configmap.yaml", config("more", "a: b"))
    report = place.once()
    (outcome,) = report.errors
    assert outcome.environment == "quiet"
    assert outcome.error == (
        "apps/web/v1/web-configmap.yaml:1: ConfigMap shop/web-v1: data.where is managed by hpa: leave "
        "it out, or say what to do with gitrel.dev/conflicts: force or yield"
    )
    assert live(place, "web-v1")["data"] == {"where": "elsewhere"}
    assert place.cluster("quiet").read([data_of("more")]) == {}
    progress = place.once().rollouts["web"].environments["quiet"]
    assert progress.phase is Phase.APPLYING
    assert "managed by hpa" in progress.waits


@pytest.mark.parametrize(
    ("policy", "where", "owners"),
    [("force", "new", ["gitrel"]), ("yield", "elsewhere", ["hpa"])],
)
def test_a_contested_field_is_taken_or_left_as_the_object_says(
    place: Town, policy: str, where: str, owners: list[str]
) -> None:
    """Everything else of the object is applied in both cases, and nothing is mended again and again."""
    write_as(place, "hpa", data_of("web-v1", where="elsewhere"))
    notes = f"gitrel.dev/conflicts: {policy}"
    place.write("apps/web/v1/web-configmap.yaml", config("web-v1", "where: new, other: x", notes))
    report = place.settle()
    assert not report.errors
    found = live(place, "web-v1")
    assert found["data"] == {"where": where, "other": "x"}
    fields = [
        entry["manager"]
        for entry in found["metadata"]["managedFields"]
        if "f:where" in entry["fieldsV1"].get("f:data", {})
    ]
    assert fields == owners
    version = found["metadata"]["resourceVersion"]
    place.once()
    assert live(place, "web-v1")["metadata"]["resourceVersion"] == version


def test_a_field_that_was_ours_in_this_release_is_taken_back(place: Town) -> None:
    """Healing is no new claim: exactly this release had set the field before somebody took it."""
    write_as(place, "kubectl-edit", data_of("web-v1", where="elsewhere"))
    place.settle()
    assert live(place, "web-v1")["data"] == {"where": "quiet"}


def test_an_ignored_field_is_written_once_and_left_alone(place: Town) -> None:
    """Made with its value; neither healed nor applied nor reset afterwards, whoever changes it."""
    notes = "gitrel.dev/ignore: data.mode"
    place.write("apps/web/v1/more-configmap.yaml", config("more", "mode: a, other: x", notes))
    place.settle()
    assert live(place, "more")["data"] == {"mode": "a", "other": "x"}
    place.write("apps/web/v1/more-configmap.yaml", config("more", "mode: b, other: x", notes))
    place.settle()
    assert live(place, "more")["data"] == {"mode": "a", "other": "x"}
    write_as(place, "kubectl-edit", data_of("more", mode="c"))
    place.write("apps/web/v1/more-configmap.yaml", config("more", "mode: b, other: z", notes))
    report = place.settle()
    assert not report.errors
    assert live(place, "more")["data"] == {"mode": "c", "other": "z"}


def test_what_is_made_once_is_left_alone(place: Town) -> None:
    """Also when somebody changes it, and when its file changes."""
    notes = "gitrel.dev/apply: create-only"
    place.write("apps/web/v1/seed-configmap.yaml", config("seed", "a: one", notes))
    place.settle()
    write_as(place, "somebody", data_of("seed", a="two"))
    place.write("apps/web/v1/seed-configmap.yaml", config("seed", "a: three", notes))
    report = place.settle()
    assert not report.errors
    assert live(place, "seed")["data"] == {"a": "two"}


def test_what_is_there_already_is_adopted_only_where_that_is_allowed(place: Town) -> None:
    """Refused with its maker and the line; an annotation allows it, and so does a flag for the pass."""
    write_as(place, "kubectl-create", data_of("mine", a="old", b="old"))
    place.write("apps/web/v1/mine-configmap.yaml", config("mine", "a: new"))
    (outcome,) = (one for one in place.once().errors if one.environment == "quiet")
    assert "apps/web/v1/mine-configmap.yaml:1: ConfigMap shop/mine is there already" in outcome.error
    assert "made by kubectl-create" in outcome.error
    assert live(place, "mine")["data"] == {"a": "old", "b": "old"}
    place.write("apps/web/v1/mine-configmap.yaml", config("mine", "a: new", "gitrel.dev/adopt: allowed"))
    place.settle()
    assert live(place, "mine")["data"] == {"a": "new", "b": "old"}


SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: key, annotations: {NOTES}}\ntype: TYPE\n"


def test_a_frozen_field_is_refused_before_anything_is_written(place: Town) -> None:
    """The field and the line are named, and how to allow what it takes."""
    place.write("apps/web/v1/key-secret.yaml", SECRET.replace("NOTES", "").replace("TYPE", "example.com/a"))
    place.settle()
    place.write("apps/web/v1/key-secret.yaml", SECRET.replace("NOTES", "").replace("TYPE", "example.com/b"))
    place.write("apps/web/v1/more-configmap.yaml", config("more", "a: b"))
    (outcome,) = (one for one in place.once().errors if one.environment == "quiet")
    assert "apps/web/v1/key-secret.yaml:1: Secret shop/key: type cannot be changed" in outcome.error
    assert "gitrel.dev/recreate: allowed" in outcome.error
    assert place.cluster("quiet").read([data_of("more")]) == {}


def test_a_frozen_field_is_changed_by_a_new_object_where_that_is_allowed(place: Town) -> None:
    """The object is another one afterwards, and the plan has named it among the deletions."""
    planned: list[Any] = []
    place.world.events.subscribe(
        lambda e: planned.append(e.data) if e.kind == "environment.planned" else None
    )
    notes = "gitrel.dev/recreate: allowed"
    place.write(
        "apps/web/v1/key-secret.yaml", SECRET.replace("NOTES", notes).replace("TYPE", "example.com/a")
    )
    place.settle()
    uid = live(place, "key", "Secret")["metadata"]["uid"]
    place.write(
        "apps/web/v1/key-secret.yaml", SECRET.replace("NOTES", notes).replace("TYPE", "example.com/b")
    )
    place.settle()
    found = live(place, "key", "Secret")
    assert found["type"] == "example.com/b"
    assert found["metadata"]["uid"] != uid
    assert any(data["changes"].get("recreated") for data in planned)
    assert ("Secret shop/key (and made anew)",) in [tuple(data["deletes"]) for data in planned]


def test_a_component_says_which_kinds_are_made_anew(place: Town) -> None:
    """`recreateKinds` stands for the annotation on every object of the kind, and of no other kind."""
    path = "apps/web/v1/key-secret.yaml"
    place.write(path, SECRET.replace("NOTES", "").replace("TYPE", "example.com/a"))
    place.settle()
    uid = live(place, "key", "Secret")["metadata"]["uid"]
    file = "apps/web/component.yaml"
    text = (place.folder / file).read_text(encoding="utf-8").rstrip()

    def may_be_anew(kind: str) -> None:
        place.write(file, text.replace("spec: {", f"spec: {{recreateKinds: [{kind}], "))

    may_be_anew("ConfigMap")
    place.write(path, SECRET.replace("NOTES", "").replace("TYPE", "example.com/b"))
    (outcome,) = (one for one in place.once().errors if one.environment == "quiet")
    assert "gitrel.dev/recreate: allowed or recreateKinds" in outcome.error
    may_be_anew("Secret")
    place.settle()
    assert live(place, "key", "Secret")["type"] == "example.com/b"
    assert live(place, "key", "Secret")["metadata"]["uid"] != uid


def test_an_object_to_be_made_anew_waits_for_its_finalizer(place: Town) -> None:
    """It says which, and goes on by itself when the finalizer is gone."""
    notes = "gitrel.dev/recreate: allowed"
    place.write(
        "apps/web/v1/key-secret.yaml", SECRET.replace("NOTES", notes).replace("TYPE", "example.com/a")
    )
    place.settle()
    held = {**data_of("key"), "kind": "Secret"}
    del held["data"]
    held["metadata"] = {**held["metadata"], "finalizers": ["example.com/wait"]}
    write_as(place, "somebody", held)
    place.write(
        "apps/web/v1/key-secret.yaml", SECRET.replace("NOTES", notes).replace("TYPE", "example.com/b")
    )
    (outcome,) = (one for one in place.once().waiting if one.environment == "quiet")
    assert "Secret shop/key is being deleted, waits for example.com/wait" in outcome.waiting
    held["metadata"] = {key: held["metadata"][key] for key in ("name", "namespace")}
    write_as(place, "somebody", held)
    place.settle()
    assert live(place, "key", "Secret")["type"] == "example.com/b"


class Picky(InterruptedBackend):
    """A backend that says no to some objects, `times` times each; all else is the inner one's."""

    def __init__(self, inner: Backend, refused: dict[str, Refused], times: int) -> None:
        super().__init__(inner, "picky", lambda: False)
        self._refused = refused
        self._left = dict.fromkeys(refused, times)
        self.asked = 0

    def apply(self, obj: Mapping[str, Any], *, dry_run: bool = False, force: bool = False) -> Object:
        name = obj["metadata"]["name"]
        if not dry_run and self._left.get(name, 0):
            self.asked += 1
            self._left[name] -= 1
            raise self._refused[name]
        return super().apply(obj, dry_run=dry_run, force=force)


def refusal(name: str, reason: str, message: str) -> Refused:
    return Refused(Ref("", "ConfigMap", "shop", name), reason, message)


def test_an_object_refused_in_the_middle_stops_and_is_told(
    place: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was applied, what was not, at which line; the record says so, and the next region is not begun."""
    for number in range(6):
        place.write(f"apps/web/v2/c{number}-configmap.yaml", config(f"c{number}", "a: b"))
    denied = refusal("c3", "Forbidden", 'admission webhook "no.example.com" denied the request: no c3')
    inner = place.cluster("quiet")
    picky = Picky(inner, {"c3": denied}, times=2)
    monkeypatch.setattr(
        place.world.clusters, "of", lambda env: picky if env.name == "quiet" else place.fleet.connect(env)
    )
    commands.promote(place.world, "web", "v2")
    report = place.once()
    (outcome,) = report.errors
    assert outcome.error == (
        "object 4 of 8 was refused: apps/web/v2/c3-configmap.yaml:1: ConfigMap shop/c3: "
        'admission webhook "no.example.com" denied the request: no c3\n'
        "applied: ConfigMap shop/c0, ConfigMap shop/c1, ConfigMap shop/c2\n"
        "not applied: ConfigMap shop/c3, ConfigMap shop/c4, ConfigMap shop/c5, ConfigMap shop/web-v2, "
        "Deployment.apps shop/web"
    )
    assert report.rollouts["web"].environments["quiet"].waits == outcome.error
    place.wait(timedelta(seconds=1))
    progress = place.once().rollouts["web"].environments
    assert progress["quiet"].phase is Phase.APPLYING
    assert progress["quiet"].waits.startswith("object 1 of 5 was refused: ")
    assert progress["busy"].phase is Phase.QUEUED
    assert place.image("quiet") == "example.com/web:v1"
    report = place.settle()
    assert report.rollouts["web"].status == "passed"
    assert place.image("quiet") == place.image("busy") == "example.com/web:v2"


@pytest.mark.parametrize(
    ("times", "ends"), [(ATTEMPTS_MAX - 1, "well"), (ATTEMPTS_MAX, "badly")], ids=["four times", "five times"]
)
def test_a_write_that_somebody_else_won_is_tried_again(place: Town, times: int, ends: str) -> None:
    """At most five times: then it is told like any other refusal."""
    raced = refusal(
        "c0", "Conflict", 'Operation cannot be fulfilled on configmaps "c0": the object has been modified'
    )
    picky = Picky(place.cluster("quiet"), {"c0": raced}, times)
    obj = data_of("c0", a="b")
    planned = Plan((Entry(ref_of(obj), "created", obj, None, obj, origin="a.yaml:1"),))
    if ends == "well":
        carry_out(picky, planned, (), small.START)
        assert live(place, "c0")["data"] == {"a": "b"}
    else:
        with pytest.raises(PartlyApplied, match="the object has been modified"):
            carry_out(picky, planned, (), small.START)
    assert picky.asked == times
