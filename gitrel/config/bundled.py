"""The settings of rehearsals and of the bundled cluster: what runs on clusters that gitrel brings itself."""

from __future__ import annotations

from gitrel.config.setting import Setting

BUNDLED = (
    # Virtual time.
    Setting("seed", ("--seed",), "The seed of everything random: same seed, same story.", 1, "N"),
    Setting(
        "fault", ("--fault",), "What goes wrong, where and when; may be given again.", (), "FAULT", "none"
    ),
    Setting(
        "soak_factor",
        ("--soak-factor",),
        "Soak this many times the mean time to smoke.",
        None,
        "X",
        "as configured",
    ),
    Setting(
        "start",
        ("--start",),
        "The instant of the promotion, on the rehearsal's clock.",
        None,
        "INSTANT",
        "now",
    ),
    Setting(
        "directory",
        ("--directory",),
        "Play in this empty folder and keep it, with its Git history.",
        None,
        "DIR",
        "a temporary one",
    ),
    Setting(
        "real_region",
        ("--real-region",),
        "Play this region on a real cluster, in real time; may be given again.",
        (),
        "REGION=CONTEXT",
        "none",
    ),
    Setting("events", ("--events",), "Write every event to this file, one JSON object a line.", None, "FILE"),
    # The bundled cluster alone.
    Setting("cluster_name", ("--name",), "Which bundled cluster.", "gitrel", "NAME"),
    Setting(
        "listen", ("--listen",), "Serve here.", None, "HOST:PORT", "127.0.0.1 and a free port, then kept"
    ),
    Setting("nodes", ("--nodes",), "How many nodes it has.", None, "N", "3"),
    Setting("clock", ("--clock",), "Whose time it has.", None, "", "system"),
    Setting(
        "speed",
        ("--speed",),
        "How many times as fast its time passes.",
        None,
        "X",
        "1; a virtual clock jumps to whatever is due",
    ),
    Setting(
        "without",
        ("--without",),
        "Controllers to leave out, such as scheduler,kubelet.",
        None,
        "NAMES",
        "none",
    ),
    Setting("kubernetes_version", ("--kubernetes-version",), "The Kubernetes to emulate.", "1.36", "VERSION"),
    Setting(
        "cluster_token_file",
        ("--token-file",),
        "Bearer tokens, as in Kubernetes: CSV rows of token, user, uid and groups.",
        None,
        "FILE",
        "none",
    ),
    Setting(
        "client_ca",
        ("--client-ca",),
        "Also believe client certificates that these authorities signed.",
        None,
        "FILE",
        "only the cluster's own",
    ),
    Setting("service_cidr", ("--service-cidr",), "Addresses of Services.", None, "CIDR", "10.96.0.0/12"),
    Setting("authorization", ("--authorization",), "Who may do what.", None, "", "AlwaysAllow"),
    Setting(
        "enable_admission",
        ("--enable-admission",),
        "Admission plugins to run beside the usual ones, by Kubernetes' names.",
        None,
        "NAMES",
        "none",
    ),
    Setting(
        "disable_admission",
        ("--disable-admission",),
        "Admission plugins to leave out.",
        None,
        "NAMES",
        "none",
    ),
    Setting("from_snapshot", ("--from",), "Begin with the state in this snapshot.", None, "FILE", "nothing"),
    Setting("foreground", ("--foreground",), "Stay, and log to stderr.", False),
    Setting("delete", ("--delete",), "Remove it with everything in it.", False),
)
