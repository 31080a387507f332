"""The settings that say how clusters are reached: the operator's word, which no repository overrides."""

from __future__ import annotations

from gitrel.config.setting import Setting

REACH = (
    Setting(
        "kubeconfig",
        ("--kubeconfig",),
        "The kubeconfig that contexts are looked up in; several files are separated as in KUBECONFIG.",
        None,
        "FILES",
        "KUBECONFIG, or ~/.kube/config",
    ),
    Setting(
        "allow_context",
        ("--allow-context",),
        "Let environments name this context only, a pattern such as prod-* or eastus=prod-east; "
        "may be given again.",
        (),
        "[ENV=]CONTEXT",
        "every context of the kubeconfig",
    ),
    Setting(
        "act_as",
        ("--as",),
        "Act in clusters as this user, whatever an environment says.",
        None,
        "USER",
        "as the kubeconfig and the environment say",
    ),
    Setting("act_as_group", ("--as-group",), "With --as: in this group; may be given again.", (), "GROUP"),
    Setting("act_as_uid", ("--as-uid",), "With --as: with this UID.", None, "UID"),
    Setting(
        "allow_insecure_tls",
        ("--allow-insecure-tls",),
        "Let a kubeconfig switch the check of the server's certificate off.",
        False,
    ),
    Setting(
        "max_clusters",
        ("--max-clusters",),
        "Ask this many clusters at one time.",
        16,
        "N",
    ),
    Setting(
        "adopt",
        ("--adopt",),
        "The cluster of this environment was replaced, and the new one is right; may be given again.",
        (),
        "ENV",
        "a cluster that is not the recorded one is refused",
    ),
)
