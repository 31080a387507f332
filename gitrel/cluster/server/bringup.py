"""From settings to a running server: opens the cluster, signs what is needed, and serves it."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from ipaddress import IPv4Network
from pathlib import Path

from gitrel.clock import SystemClock
from gitrel.cluster.api.admission.webhooks.https import HttpsCaller
from gitrel.cluster.cluster import EPOCH, Cluster
from gitrel.cluster.controllers.certificates.approving import ApprovingController
from gitrel.cluster.controllers.certificates.signing import SigningController
from gitrel.cluster.controllers.controller import Controller
from gitrel.cluster.controllers.rootcacertpublisher.controller import RootCertificatePublisher
from gitrel.cluster.controllers.serviceaccounttoken.controller import TokenController
from gitrel.cluster.kinds.certificates import RESOURCE as CERTIFICATE_REQUESTS
from gitrel.cluster.parts import Controllers, default_controllers
from gitrel.cluster.server import certificates, kubeconfig
from gitrel.cluster.server.certificates import Pair
from gitrel.cluster.server.fibers import PatientCaller
from gitrel.cluster.server.home import Home, Settings
from gitrel.cluster.server.identity import Authenticator, User, read_token_file, token_rows
from gitrel.cluster.server.pace import Flowing, Jumping, Pace
from gitrel.cluster.server.requests import Authority, restricted
from gitrel.cluster.server.serving import Files, Serving, hosts_of, listen, serve_in_thread, url_of
from gitrel.cluster.server.tokens import Accounts, Signer, new_key
from gitrel.cluster.spec import ClusterSpec, NodePool
from gitrel.errors import UsageError

_WEBHOOKS = PatientCaller(HttpsCaller())
"""Who calls admission webhooks for a served cluster."""


def serve(home: Home, settings: Settings, on_ready: Callable[[str], None]) -> None:
    """Serves until the process is told to end; `on_ready` gets the URL. Raises UsageError, InUse."""
    host, port = address(settings.listen)
    tokens = read_token_file(Path(settings.token_file)) if settings.token_file else {}
    home.create()
    with listen(host, port) as bound:
        port = int(bound.getsockname()[1])
        now = SystemClock().now()
        authority, signer = _authority(home, now), _signer(home)
        cluster = _opened(home, settings, _parts(authority, signer))
        cluster.handler.guards[CERTIFICATE_REQUESTS] = restricted(Authority(authority))
        with cluster:
            home.save(_kept(settings, f"{host}:{port}"))
            url = url_of(host, port)
            files = _pki(home, authority, host, url, settings, now)
            pace = pace_of(settings, cluster.now)
            authenticator = authenticator_of(cluster, pace, tokens, signer)
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
        authority, signer = _authority(place, now), _signer(place)
        start = EPOCH if clock == "virtual" else now
        cluster = Cluster(spec, controllers=_parts(authority, signer), clock_start=start, webhooks=_WEBHOOKS)
        cluster.handler.guards[CERTIFICATE_REQUESTS] = restricted(Authority(authority))
        own = replace(settings, service_cidr=cluster.spec.service_cidr)
        files = _pki(place, authority, host, url, own, now)
        pace = pace_of(settings, cluster.now)
        authenticator = authenticator_of(cluster, pace, token_rows(tokens, "tokens"), signer)
        serving = Serving(cluster, pace, authenticator, files, bound)
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


def _opened(home: Home, settings: Settings, parts: Controllers) -> Cluster:
    """A new cluster, or the one that stands in the directory, with what runs in it as settings say."""
    spec = spec_of(home.name, settings)
    if (saved := home.saved_spec()) is not None:
        running = ("without", "authorization", "enable_admission", "disable_admission")
        spec = replace(saved, **{name: getattr(spec, name) for name in running})
    start = EPOCH if settings.clock == "virtual" else SystemClock().now()
    logging.getLogger("gitrel.cluster").info("opening %s", home.directory)
    return Cluster.open(home.directory, spec, controllers=parts, clock_start=start, webhooks=_WEBHOOKS)


def authenticator_of(
    cluster: Cluster, pace: Pace, tokens: Mapping[bytes, User], signer: Signer
) -> Authenticator:
    """Nobody in particular is let in only where it is then asked what he may do, as the API server has it."""

    def now() -> datetime:
        return pace.until(cluster.now) if pace.flows else cluster.now

    known = Accounts(signer, cluster.store, now)
    return Authenticator(tokens, known, anonymous="AlwaysAllow" not in cluster.spec.authorization)


def part_names() -> tuple[str, ...]:
    """Everything that can be left out of a cluster."""
    return tuple(part.name for part in default_controllers(ClusterSpec())) + SIGNING_PARTS


def _parts(authority: Pair, signer: Signer) -> Controllers:
    """What runs in a served cluster: what runs in every one, and what needs the cluster's keys."""

    def parts(spec: ClusterSpec) -> Sequence[Controller]:
        signs = Authority(authority)
        signing: tuple[Controller, ...] = (
            RootCertificatePublisher(signs.root),
            TokenController(signs.root, signer.token),
            ApprovingController(signs, spec.authorization),
            SigningController(signs),
        )
        return [*default_controllers(spec), *(part for part in signing if part.name not in spec.without)]

    return parts


SIGNING_PARTS = tuple(
    part.name for part in (RootCertificatePublisher, TokenController, ApprovingController, SigningController)
)


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
        return Jumping(now) if settings.speed is None else Flowing(clock, now, settings.speed, movable=True)
    return Flowing(clock, max(now, clock.now()), settings.speed or 1.0)


def _authority(home: Home, now: datetime) -> Pair:
    """Made once."""
    pki = home.pki
    if (pki / "ca.crt").is_file() and (pki / "ca.key").is_file():
        return Pair((pki / "ca.crt").read_bytes(), (pki / "ca.key").read_bytes())
    authority = certificates.new_authority(f"gitrel-{home.name}", now)
    home.write("pki/ca.key", authority.key)
    home.write("pki/ca.crt", authority.certificate)
    return authority


def _signer(home: Home) -> Signer:
    """Its key is made once: tokens outlive the server."""
    path = home.pki / "sa.key"
    return Signer(path.read_bytes() if path.is_file() else home.write("pki/sa.key", new_key()).read_bytes())


def _pki(home: Home, authority: Pair, host: str, url: str, settings: Settings, now: datetime) -> Files:
    """What the authority signs is made anew at each start."""
    pki = home.pki
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
