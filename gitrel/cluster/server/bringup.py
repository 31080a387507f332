"""From settings to a running server: opens the cluster, signs what is needed, and serves it."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from ipaddress import IPv4Network
from pathlib import Path

from gitrel.clock import SystemClock
from gitrel.cluster.cluster import EPOCH, Cluster
from gitrel.cluster.parts import default_controllers
from gitrel.cluster.server import certificates, kubeconfig
from gitrel.cluster.server.certificates import Pair
from gitrel.cluster.server.home import Home, Settings
from gitrel.cluster.server.identity import Authenticator, User, read_token_file, token_rows
from gitrel.cluster.server.pace import Flowing, Jumping, Pace
from gitrel.cluster.server.serving import Files, Serving, hosts_of, listen, serve_in_thread, url_of
from gitrel.cluster.spec import ClusterSpec, NodePool
from gitrel.errors import UsageError


def serve(home: Home, settings: Settings, on_ready: Callable[[str], None]) -> None:
    """Serves until the process is told to end; `on_ready` gets the URL. Raises UsageError, InUse."""
    host, port = address(settings.listen)
    tokens = read_token_file(Path(settings.token_file)) if settings.token_file else {}
    home.create()
    with listen(host, port) as bound:
        port = int(bound.getsockname()[1])
        cluster = _opened(home, settings)
        with cluster:
            home.save(_kept(settings, f"{host}:{port}"))
            url = url_of(host, port)
            files = _pki(home, host, url, settings, SystemClock().now())
            pace = pace_of(settings, cluster.now)
            authenticator = authenticator_of(cluster.spec, tokens)
            serving = Serving(cluster, pace, authenticator, files, bound, durable=True)

            def ready() -> None:
                home.announce(url)
                on_ready(url)

            # uvicorn raises the signal again when it is done; the cluster is to be closed even so.
            signal.signal(signal.SIGTERM, lambda *_: None)
            serving.run(ready)


@contextmanager
def served(
    directory: Path,
    spec: ClusterSpec | None = None,
    *,
    clock: str = "virtual",
    speed: float | None = None,
    tokens: Iterable[str] = (),
) -> Iterator[Serving]:
    """A cluster in memory, served on a free port by a thread; `kubeconfig` and `pki/` stand in `directory`.

    `tokens` are rows of a token file.
    """
    settings = Settings(clock=clock, speed=speed)
    place = Home((spec or ClusterSpec()).name, directory)
    place.create()
    with listen(*address(settings.listen)) as bound:
        host, port = bound.getsockname()[:2]
        url = url_of(host, port)
        now = SystemClock().now()
        cluster = Cluster(spec, clock_start=EPOCH if clock == "virtual" else now)
        files = _pki(place, host, url, replace(settings, service_cidr=cluster.spec.service_cidr), now)
        authenticator = authenticator_of(cluster.spec, token_rows(tokens, "tokens"))
        serving = Serving(cluster, pace_of(settings, cluster.now), authenticator, files, bound)
        with serve_in_thread(serving):
            yield serving


def address(text: str) -> tuple[str, int]:
    """`127.0.0.1:6443` → host and port. Raises UsageError."""
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    if not host or not (port.isascii() and port.isdecimal()) or int(port) > 65535:
        raise UsageError(f"--listen {text}: write it as 127.0.0.1:6443, or with :0 for a free port")
    return host, int(port)


def _kept(settings: Settings, listens: str) -> Settings:
    """What the next start is to know: the port that was chosen, and files by their full paths."""

    def full(path: str | None) -> str | None:
        return str(Path(path).absolute()) if path else None

    return replace(
        settings,
        listen=listens,
        token_file=full(settings.token_file),
        client_ca=full(settings.client_ca),
    )


def _opened(home: Home, settings: Settings) -> Cluster:
    """A new cluster, or the one that stands in the directory, with what runs in it as settings say."""
    spec = spec_of(home.name, settings)
    if (saved := home.saved_spec()) is not None:
        running = ("without", "authorization", "enable_admission", "disable_admission")
        spec = replace(saved, **{name: getattr(spec, name) for name in running})
    start = EPOCH if settings.clock == "virtual" else SystemClock().now()
    logging.getLogger("gitrel.cluster").info("opening %s", home.directory)
    return Cluster.open(home.directory, spec, clock_start=start)


def authenticator_of(spec: ClusterSpec, tokens: Mapping[bytes, User]) -> Authenticator:
    """Nobody in particular is let in only where it is then asked what he may do, as the API server has it."""
    return Authenticator(tokens, anonymous="AlwaysAllow" not in spec.authorization)


def part_names() -> tuple[str, ...]:
    """Everything that can be left out of a cluster."""
    return tuple(part.name for part in default_controllers(ClusterSpec()))


def spec_of(name: str, settings: Settings) -> ClusterSpec:
    nodes = NodePool().count if settings.nodes is None else settings.nodes
    if unknown := sorted(set(settings.without) - set(part_names())):
        raise UsageError(f"--without {','.join(unknown)}: choose from {', '.join(part_names())}")
    cidr = settings.service_cidr or ClusterSpec().service_cidr
    try:
        network = IPv4Network(cidr)
    except ValueError as wrong:
        raise UsageError(f"--service-cidr {cidr}: {wrong}") from None
    if network.prefixlen > 28:
        raise UsageError(f"--service-cidr {cidr}: too small, use /28 or larger")
    return ClusterSpec(
        name=name,
        nodes=(NodePool(count=nodes),) if nodes else (),
        service_cidr=str(network),
        without=settings.without,
        authorization=settings.authorization,
        enable_admission=settings.enable_admission,
        disable_admission=settings.disable_admission,
    )


def pace_of(settings: Settings, now: datetime) -> Pace:
    """A virtual clock without a speed jumps; the system's goes on from now, or from where the cluster is."""
    clock = SystemClock()
    if settings.clock == "virtual":
        return Jumping(now) if settings.speed is None else Flowing(clock, now, settings.speed)
    return Flowing(clock, max(now, clock.now()), settings.speed or 1.0)


def _pki(home: Home, host: str, url: str, settings: Settings, now: datetime) -> Files:
    """The authority is made once; what it signs is made anew at each start."""
    pki = home.pki
    if (pki / "ca.crt").is_file() and (pki / "ca.key").is_file():
        authority = Pair((pki / "ca.crt").read_bytes(), (pki / "ca.key").read_bytes())
    else:
        authority = certificates.new_authority(f"gitrel-{home.name}", now)
        home.write("pki/ca.key", authority.key)
        home.write("pki/ca.crt", authority.certificate)
    cidr = IPv4Network(settings.service_cidr or ClusterSpec().service_cidr)
    server = certificates.serving(authority, hosts_of(host, str(cidr[1])), now)
    admin = certificates.client(authority, kubeconfig.ADMIN, kubeconfig.ADMIN_GROUPS, now)
    text = kubeconfig.text(home.name, url, authority.certificate, admin)
    home.write("kubeconfig", text.encode())
    trusted = [pki / "ca.crt"]
    if settings.client_ca:
        trusted.append(Path(settings.client_ca))
    return Files(
        home.write("pki/apiserver.crt", server.certificate),
        home.write("pki/apiserver.key", server.key),
        tuple(trusted),
    )
