"""The walls of the house, read from the imports themselves.

Arrows point down: entry points → wiring → shell → adapters → domain → leaves. The bundled cluster stands
aside and knows only leaves. Third-party libraries enter by one door each, and pure rooms neither read
the clock nor touch files.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent / "gitrel"

LEAVES = {"kube", "clock", "events", "errors"}
DOMAIN = {"repo", "render", "delivery", "rollout"}
ADAPTERS = {"backends", "ledger", "forge", "smoke"}
SHELL = {"orchestrator"}
WIRING = {"app", "rehearsal"}
ENTRIES = {"cli", "daemon", "__main__", "pytest_plugin"}
SERVICES = {"config", "telemetry"}

ALLOWED: dict[str, set[str]] = {
    # Leaves may lean on one another, on nothing else of ours.
    **dict.fromkeys(LEAVES, LEAVES),
    "cluster": {"kube", "clock", "errors"},
    "repo": LEAVES,
    "render": LEAVES | {"repo"},
    "delivery": LEAVES | {"repo", "render", "rollout", "backends"},
    "rollout": LEAVES,
    "backends": LEAVES | {"repo", "cluster"},
    "ledger": LEAVES | {"repo", "rollout"},
    "forge": LEAVES | {"repo"},
    "smoke": LEAVES | {"rollout"},
    "orchestrator": LEAVES | DOMAIN | ADAPTERS,
    "config": LEAVES,
    "telemetry": LEAVES | {"config"},
    "rehearsal": LEAVES | DOMAIN | ADAPTERS | SHELL | {"cluster"},
    "app": LEAVES | DOMAIN | ADAPTERS | SHELL | SERVICES,
    **{room: LEAVES | DOMAIN | ADAPTERS | SHELL | WIRING | SERVICES | {room} for room in ENTRIES},
}
EXTRA_DOORS = {
    # Single files with a right that their room does not have.
    "cli/commands/cluster.py": {"cluster"},
    "pytest_plugin.py": {"cluster"},
    "__main__.py": {"cli"},
    "cli/commands/services.py": {"daemon"},  # the verb that starts it
}
ONLY_FILE_MAY_IMPORT_CLUSTER = {"backends/embedded.py", "cli/commands/cluster.py", "pytest_plugin.py"}

THIRD_PARTY: dict[str, tuple[str, ...]] = {
    "gitdb": ("repo/git",),
    "jinja2": ("render/",),
    "kubernetes": ("backends/kubernetes",),
    "urllib3": ("backends/kubernetes",),
    "pydantic": ("repo/schema",),
    "pydantic_core": ("repo/schema",),
    "tenacity": ("orchestrator/", "backends/"),
    "structlog": ("telemetry/", "cli/"),
    "typer": ("cli/",),
    "rich": ("cli/",),
    "yaml": ("repo/", "render/", "cli/output", "cluster/server/"),
    "orjson": ("",),
    "numpy": ("cluster/scheduler/",),
    "jsonschema_rs": ("cluster/api/", "render/", "repo/typed", "kube/regex"),
    "starlette": ("cluster/server/", "daemon/"),
    "uvicorn": ("cluster/server/", "daemon/"),
    "cryptography": ("cluster/server/",),
    "jwt": ("cluster/server/",),
    "prometheus_client": ("telemetry/", "cluster/server/"),
    "pytest": ("pytest_plugin.py",),
}
PURE = (
    "rollout/",
    "kube/",
    "delivery/",
    "repo/model",
    "repo/layout",
    "repo/resolve",
    "repo/check",
    "repo/edit",
)
FORBIDDEN_IN_PURE = {
    "time.time",
    "time.monotonic",
    "time.sleep",
    "datetime.now",
    "datetime.utcnow",
    "open",
    "sleep",
}
CLOCK_READERS = {"clock.py"}


def modules() -> list[Path]:
    return sorted(p for p in ROOT.rglob("*.py"))


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where an arrow points"
            if node.module == "gitrel":
                yield from (f"gitrel.{alias.name}" for alias in node.names)
            elif node.module:
                yield node.module


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.AST]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in modules()}


def test_arrows_point_down(trees: dict[Path, ast.AST]) -> None:
    """No room imports a room above it, and only named files reach into the bundled cluster."""
    wrong = []
    for path, tree in trees.items():
        if place(path) == "__init__.py":
            continue
        allowed = ALLOWED[room(path)] | EXTRA_DOORS.get(place(path), set()) | {room(path)}
        for name in imports(tree):
            if not name.startswith("gitrel."):
                continue
            target = name.split(".")[1]
            if target == "__version__":
                continue
            reaches_in = target == "cluster" and room(path) not in ("cluster", "rehearsal")
            if target not in allowed or (reaches_in and place(path) not in ONLY_FILE_MAY_IMPORT_CLUSTER):
                wrong.append(f"{place(path)} imports {name}")
    assert wrong == []


def test_libraries_enter_by_their_door(trees: dict[Path, ast.AST]) -> None:
    """Each third-party library is imported only where design names its door; unknown ones nowhere."""
    import sys

    wrong = []
    for path, tree in trees.items():
        for name in imports(tree):
            top = name.split(".")[0]
            if top in sys.stdlib_module_names or top in ("gitrel", "__future__"):
                continue
            if not place(path).startswith(THIRD_PARTY.get(top, ())):
                wrong.append(f"{place(path)} imports {name}")
    assert wrong == []


def test_no_door_stands_open_for_nothing(trees: dict[Path, ast.AST]) -> None:
    """A library that has left a place may not come back unseen: each door is one that is used."""
    used = {(name.split(".")[0], place(path)) for path, tree in trees.items() for name in imports(tree)}
    doors = {(library, door) for library, places in THIRD_PARTY.items() for door in places}
    assert [
        (library, door)
        for library, door in sorted(doors)
        if not any(top == library and at.startswith(door) for top, at in used)
    ] == []


def test_the_core_uses_the_standard_library_only(trees: dict[Path, ast.AST]) -> None:
    """The rollout core can be read, tested and trusted without knowing any library."""
    import sys

    wrong = [
        f"{place(path)} imports {name}"
        for path, tree in trees.items()
        if room(path) == "rollout"
        for name in imports(tree)
        if name.split(".")[0] not in sys.stdlib_module_names | {"gitrel", "__future__"}
    ]
    assert wrong == []


def test_pure_rooms_do_not_read_the_world(trees: dict[Path, ast.AST]) -> None:
    """Pure modules never read the clock, sleep, open files, or draw from the module-level `random`."""
    wrong = []
    for path, tree in trees.items():
        if not place(path).startswith(PURE):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and dotted(node.func) in FORBIDDEN_IN_PURE:
                wrong.append(f"{place(path)}:{node.lineno} calls {dotted(node.func)}")
        wrong += [
            f"{place(path)} imports {name}" for name in imports(tree) if name in ("random", "time", "os")
        ]
    assert wrong == []


def test_only_the_clock_reads_the_time(trees: dict[Path, ast.AST]) -> None:
    """`datetime.now` stands in one module; everything else is handed its instant."""
    wrong = [
        f"{place(path)}:{node.lineno}"
        for path, tree in trees.items()
        if place(path) not in CLOCK_READERS
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and dotted(node.func) in ("datetime.now", "datetime.utcnow", "time.time")
    ]
    assert wrong == []


def test_every_module_says_its_idea(trees: dict[Path, ast.AST]) -> None:
    """Each module opens with a docstring."""
    silent = [place(p) for p, t in trees.items() if isinstance(t, ast.Module) and not ast.get_docstring(t)]
    assert silent == []
