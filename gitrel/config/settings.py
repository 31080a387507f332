"""Every setting of gitrel in one table: its flag, its environment variable, its default, its meaning.

The command line builds its options from this table and the reference pages are generated from it, so a
setting that is not here does not exist. A flag wins over its variable, the variable over the default.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any

from gitrel.config.bundled import BUNDLED
from gitrel.config.reach import REACH
from gitrel.config.setting import PREFIX, Setting

_TABLE = (
    # Everywhere: before the verb or after it.
    Setting(
        "repo",
        ("--repo", "-C"),
        "The config repository: a folder, or the URL of a remote.",
        None,
        "DIR|URL",
        "found upward from the current folder",
    ),
    Setting("branch", ("--branch",), "The branch that is the truth.", None, "NAME", "the one checked out"),
    Setting(
        "cache_dir",
        ("--cache-dir",),
        "Where remotes that --repo names are kept.",
        None,
        "DIR",
        "$XDG_CACHE_HOME/gitrel, or ~/.cache/gitrel",
    ),
    Setting(
        "token_file",
        ("--token-file",),
        "Read the token for https remotes and pull requests from this file.",
        None,
        "FILE",
        "GITREL_TOKEN itself",
    ),
    Setting(
        "token_user",
        ("--token-user",),
        "The user name that goes with the token.",
        "x-access-token",
        "NAME",
    ),
    Setting("ssh_key", ("--ssh-key",), "The private key for ssh remotes.", None, "FILE", "ssh's own"),
    Setting(
        "known_hosts",
        ("--known-hosts",),
        "The host keys of ssh remotes; a host that is not in it is refused.",
        None,
        "FILE",
        "ssh's own",
    ),
    Setting(
        "allow_transport",
        ("--allow-transport",),
        "Also allow --repo URLs of this transport, file or http; may be given again.",
        (),
        "NAME",
        "only https and ssh",
    ),
    Setting("git_timeout", ("--git-timeout",), "How long a Git remote may take.", "2m", "DURATION"),
    Setting(
        "signing_key",
        ("--signing-key",),
        "Sign gitrel's own commits with this SSH key.",
        None,
        "FILE",
        "they are not signed",
    ),
    Setting(
        "allowed_signers",
        ("--allowed-signers",),
        "Require signatures by these SSH signers, whatever the repository says.",
        None,
        "FILE",
        "as the pipeline says",
    ),
    Setting(
        "gpg_keys",
        ("--gpg-keys",),
        "Require signatures by these OpenPGP keys, whatever the repository says.",
        None,
        "FILE",
        "as the pipeline says",
    ),
    *REACH,
    Setting("color", ("--color",), "When to use colours.", "auto"),
    Setting("quiet", ("--quiet", "-q"), "No progress, only results and errors.", False),
    Setting("debug", ("--debug",), "Show the traceback of a fault in gitrel.", False),
    Setting(
        "log_level",
        ("--log-level",),
        "The least severe log lines to write on stderr.",
        None,
        "",
        "warning; info for the daemon",
    ),
    Setting("log_format", ("--log-format",), "How log lines are written.", "console"),
    Setting(
        "ci",
        ("--ci",),
        "Which CI system to leave annotations, a summary and outputs for.",
        "auto",
        "",
        "what GITHUB_ACTIONS and GITLAB_CI say",
    ),
    # What is printed.
    Setting("output", ("--output", "-o"), "How the result is printed.", None, "", "table"),
    Setting("headers", ("--headers/--no-headers",), "Column titles above a table.", True),
    Setting(
        "show_secrets",
        ("--show-secrets",),
        "Print the values of Secrets instead of hiding them.",
        False,
    ),
    Setting("diff_output", ("--output", "-o"), "How the diff is printed.", "diff"),
    Setting("save", ("--save",), "Keep the diff in this file too, as JSON.", None, "FILE"),
    Setting("saved", ("--from",), "Show a diff that --save has kept; nothing is compared.", None, "FILE"),
    Setting(
        "rehearse_change",
        ("--rehearse/--no-rehearse",),
        "Play the change on virtual clusters too: dates, waves, versions at the peak.",
        False,
    ),
    Setting(
        "report",
        ("--report",),
        "Write the problems to this file too, as a GitLab code quality report.",
        None,
        "FILE",
        "gl-code-quality-report.json in a GitLab job",
    ),
    Setting("init_ci", ("--ci",), "Which CI system to lay workflows out for.", "github"),
    # Which revision, which version, which place.
    Setting("revision", ("--revision",), "Read this commit instead of the files on disk.", None, "REV"),
    Setting("base", ("--base",), "Compare with what this commit renders, without any cluster.", None, "REV"),
    Setting(
        "component_version",
        ("--version",),
        "This version instead of the one pointed at.",
        None,
        "VERSION",
        "the pointer's",
    ),
    Setting("rollback_env", ("--env",), "Only this environment.", None, "ENV", "all"),
    Setting("promote_to", ("--to",), "Go no further than this environment.", None, "ENV", "all the way"),
    Setting(
        "rollback_to",
        ("--to",),
        "The version to go back to.",
        None,
        "VERSION",
        "the newest that passed there before",
    ),
    Setting("limit", ("--limit",), "Only this many of the newest entries.", None, "N", "all"),
    Setting(
        "rbac_environment", ("--environment",), "Only this environment.", None, "ENV", "all real clusters"
    ),
    Setting(
        "service_account",
        ("--service-account",),
        "The service account that is given the rights.",
        "gitrel/gitrel",
        "NAMESPACE/NAME",
    ),
    Setting(
        "escalate",
        ("--escalate/--no-escalate",),
        "Grant roles by the verbs escalate and bind, instead of by holding every right that they grant.",
        False,
    ),
    # Making versions.
    Setting(
        "release_revision",
        ("--revision",),
        "Cut what current/ held at this commit.",
        None,
        "REV",
        "the branch's tip",
    ),
    Setting("backport_commit", ("--commit",), "Carry what this commit changed.", None, "REV"),
    Setting(
        "comment_from",
        ("--from",),
        "The diff, as `diff --save` has kept it.",
        None,
        "FILE",
        "none: the check did not pass",
    ),
    Setting(
        "comment_commit",
        ("--commit",),
        "The commit that was looked at; nothing is written where it is not the newest any more.",
        None,
        "SHA",
        "any",
    ),
    Setting("backport_patch", ("--patch",), "Carry this unified diff; - reads it from stdin.", None, "FILE"),
    Setting(
        "backport_to",
        ("--to",),
        "Only into these versions, separated by commas.",
        None,
        "VERSIONS",
        "current and every version that is active",
    ),
    Setting("dry_run", ("--dry-run",), "Show what would be done, and change nothing.", False),
    Setting(
        "kubernetes",
        ("--kubernetes-version",),
        "The Kubernetes to convert for.",
        None,
        "VERSION",
        "the pipeline's kubernetesVersion",
    ),
    # Checks.
    Setting("strict", ("--strict",), "Warnings fail too.", False),
    Setting("render", ("--render/--no-render",), "Render every component in every environment too.", True),
    Setting(
        "cache",
        ("--cache/--no-cache",),
        "Remember on disk what rendering came to, and do not render the same again.",
        True,
    ),
    Setting(
        "adopt_objects",
        ("--adopt-objects",),
        "Take over objects of a release that are there already and nobody's, in this pass.",
        False,
    ),
    # Who, where, why.
    Setting("actor", ("--actor",), "Who acts.", None, "'NAME <EMAIL>'", "Git's user.name and user.email"),
    Setting(
        "remote",
        ("--remote",),
        "Fetch from and push to this remote.",
        None,
        "NAME",
        "none: this clone is the truth",
    ),
    Setting(
        "release_set",
        ("--set",),
        "Promote the versions that this file names, as one set.",
        None,
        "FILE",
        "none",
    ),
    Setting(
        "pull_request",
        ("--pull-request/--no-pull-request",),
        "Open a pull request that moves the pointers of one environment, and start nothing.",
        False,
    ),
    Setting("forge", ("--forge",), "Which forge the remote is on.", "auto", "", "what its host is called"),
    Setting(
        "forge_url",
        ("--forge-url",),
        "Where the forge's API answers.",
        None,
        "URL",
        "as GitHub and GitLab have it for the remote's host",
    ),
    Setting(
        "accept_rewritten",
        ("--accept-rewritten",),
        "The branch or the journal is right although its past was rewritten.",
        False,
    ),
    Setting(
        "accept_unsigned",
        ("--accept-unsigned",),
        "What stands there now is right although signatures are missing.",
        False,
    ),
    Setting("reason", ("--reason",), "Why, in a sentence; kept in the journal.", "", "TEXT", "none"),
    # Waiting.
    Setting("wait", ("--wait/--no-wait",), "Stay until the rollout is done, failed or held.", False),
    Setting("timeout", ("--timeout",), "Give up waiting after this long.", None, "DURATION", "never"),
    Setting("poll", ("--poll",), "How long Git and clusters go without a look at most.", "10s", "DURATION"),
    # The daemon's HTTP face.
    Setting(
        "daemon_listen",
        ("--listen",),
        "Answer /healthz, /readyz, /metrics and /webhook at this address.",
        None,
        "HOST:PORT",
        "nobody listens",
    ),
    Setting(
        "webhook_secret_file",
        ("--webhook-secret-file",),
        "Let webhooks signed with the secret in this file wake the daemon.",
        None,
        "FILE",
        "there is no webhook",
    ),
    *BUNDLED,
)

SETTINGS: Mapping[str, Setting] = MappingProxyType({setting.name: setting for setting in _TABLE})

DEFAULT: Any = SimpleNamespace(**{setting.name: setting.default for setting in _TABLE})
"""The defaults by attribute, for signatures: `strict: … = DEFAULT.strict`."""

OTHER_VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "GITREL_TOKEN": "The token for https remotes and pull requests; a flag could be read by others.",
        "XDG_CACHE_HOME": "Where caches are kept.",
        "KUBECONFIG": "Kubeconfig files, merged as kubectl does; --kubeconfig wins.",
        "HTTPS_PROXY": "The proxy to reach clusters by, where the kubeconfig names none.",
        "NO_PROXY": "Hosts that HTTPS_PROXY is not for.",
        "NO_COLOR": "Set to anything: no colours (see no-color.org).",
        "FORCE_COLOR": "Set to anything but 0: colours even where the output is not a terminal.",
        "TERM": "`dumb`: no colours and no moving display.",
        "GITHUB_ACTIONS": "`true`: a job of GitHub Actions, so --ci is github unless said otherwise.",
        "GITHUB_STEP_SUMMARY": "The file to which the job summary is added.",
        "GITHUB_OUTPUT": "The file to which the step's outputs are added.",
        "RUNNER_TEMP": "Where a job of GitHub Actions keeps the diff that it saves.",
        "GITLAB_CI": "`true`: a job of GitLab, so --ci is gitlab unless said otherwise.",
        "CI_PROJECT_DIR": "Where a job of GitLab leaves its reports.",
        "CI": "Set to anything: plain progress lines instead of a moving display.",
    }
)
"""Variables that gitrel honours and that have no flag; most of them others have named."""

__all__ = ["DEFAULT", "OTHER_VARIABLES", "PREFIX", "SETTINGS", "Setting"]
