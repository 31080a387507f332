"""Deleting: garbage collection in its three propagations, finalizers, adoption, and whole namespaces."""

from __future__ import annotations

from gitrel.kube.identity import Object
from tests.realcluster.differential.play import Play, scenario
from tests.realcluster.differential.scenarios.deployments import deployment, template


def configmap(name: str, **metadata: object) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **metadata},
        "data": {"a": "1"},
    }


def owned_by(play: Play, owner: str, *, blocks: bool = True) -> list[Object]:
    """The ownerReferences of what belongs to a ConfigMap."""
    uid = play.get("configmaps", owner)["metadata"]["uid"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": owner, "uid": uid}
    return [{**reference, "blockOwnerDeletion": blocks}]


def _delete_by(policy: str) -> None:
    @scenario(name=f"delete-{policy.lower()}")
    def delete(play: Play) -> None:
        """A Deployment with its set and its pods."""
        play.create(deployment(2))
        play.settle("created")
        play.run_all("started")
        play.delete("deployments", "web", propagationPolicy=policy)
        play.settle("deleted")


for _policy in ("Background", "Foreground", "Orphan"):
    _delete_by(_policy)


@scenario()
def delete_orphans_are_adopted(play: Play) -> None:
    """A set that was left behind is taken by a Deployment that would have made it."""
    play.create(deployment(2))
    play.settle("created")
    play.run_all("started")
    play.delete("deployments", "web", propagationPolicy="Orphan")
    play.settle("deleted")
    play.create(deployment(2))
    play.settle("created again")


@scenario()
def delete_a_chain(play: Play) -> None:
    """Owners of owners, in the foreground: the last goes first; one that does not block is not waited for."""
    play.create(configmap("first"))
    play.create(configmap("second", ownerReferences=owned_by(play, "first")))
    play.create(configmap("third", ownerReferences=owned_by(play, "second"), finalizers=["example.com/held"]))
    play.create(configmap("aside", ownerReferences=owned_by(play, "first", blocks=False)))
    play.settle("created")
    play.delete("configmaps", "first", propagationPolicy="Foreground")
    play.settle("deleted, the last is held")
    play.patch("configmaps", "third", {"metadata": {"finalizers": None}})
    play.settle("let go")


@scenario()
def delete_one_of_two_owners(play: Play) -> None:
    """What has another owner stays, and forgets the one that is gone."""
    play.create(configmap("one"))
    play.create(configmap("two"))
    both = owned_by(play, "one") + owned_by(play, "two")
    play.create(configmap("shared", ownerReferences=both))
    play.settle("created")
    play.delete("configmaps", "one", propagationPolicy="Foreground")
    play.settle("one is gone")
    play.delete("configmaps", "two", propagationPolicy="Background")
    play.settle("both are gone")


@scenario()
def delete_an_owner_that_never_was(play: Play) -> None:
    """An owner by the right name with another uid does not exist."""
    play.create(configmap("there"))
    stranger = {**owned_by(play, "there")[0], "uid": "00000000-0000-0000-0000-000000000000"}
    play.create(configmap("lost", ownerReferences=[stranger]))
    play.settle("created")


@scenario()
def delete_with_preconditions(play: Play) -> None:
    """A wrong uid or revision is refused; a finalizer holds; a second deletion changes nothing."""
    play.create(configmap("held", finalizers=["example.com/held"]))
    play.settle("created")
    play.delete("configmaps", "held", preconditions={"uid": "00000000-0000-0000-0000-000000000000"})
    play.delete("configmaps", "held")
    play.settle("deleted")
    play.delete("configmaps", "held")
    play.patch("configmaps", "held", {"metadata": {"finalizers": ["example.com/held", "example.com/new"]}})
    play.patch("configmaps", "held", {"data": {"a": "2"}})
    play.settle("changed while going")
    play.patch("configmaps", "held", {"metadata": {"finalizers": []}})
    play.settle("let go")
    play.delete("configmaps", "held")


@scenario()
def delete_a_job(play: Play) -> None:
    """Without a policy a Job leaves its pods behind."""
    pod = template("work", 1, restartPolicy="Never")
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "work"}, "spec": {"template": pod}}
    play.create(job)
    play.settle("created")
    play.run(*play.pods())
    play.settle("running")
    play.delete("jobs", "work")
    play.settle("deleted")


@scenario()
def namespace_goes(play: Play) -> None:
    """With everything in it; pods go first, and nothing new is let in."""
    play.create(deployment(2))
    play.create(configmap("plain"))
    play.create(configmap("held", finalizers=["example.com/held"]))
    play.settle("created")
    play.run_all("started")
    play.delete("namespaces", play.namespace)
    play.settle("deleted", reap=False)
    play.wait(7, "content deleted")
    play.create(configmap("late"))
    play.patch("configmaps", "held", {"metadata": {"finalizers": None}})
    play.wait(20, "let go")
