"""What a template must not do: escape, grow without bounds, read anything, or take the parent with it."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from gitrel.render import worker
from gitrel.render.template import Failure, Job, Limits, Text
from gitrel.render.worker import Workers, WorkersBroken
from tests.effort import at_most

CONTEXT = {"parameters": {"a": 1, "items": [1, 2], "nested": {"k": "v"}}, "flags": {}}

ESCAPES = {
    "class of a text": "{{ ''.__class__.__mro__ }}",
    "lipsum": "{{ lipsum.__globals__ }}",
    "cycler": "{{ cycler.__init__.__globals__ }}",
    "joiner": "{{ joiner.__init__.__globals__ }}",
    "dict": "{{ dict.__base__.__subclasses__() }}",
    "self": "{{ self.__init__.__globals__ }}",
    "format": "{{ '{0.__class__}'.format(1) }}",
    "format by reference": "{{ ('{0.__class__}'.format)(1) }}",
    "format_map": "{{ '{a.__class__}'.format_map({'a': 1}) }}",
    "map attribute": "{{ [''] | map(attribute='__class__') | list }}",
    "map filter attr": "{{ [''] | map('attr', '__class__') | list }}",
    "attr": "{{ '' | attr('__class__') }}",
    "attr of format": "{{ ('{0.__class__}' | attr('format'))(1) }}",
    "item access": "{{ ''['__class__'] }}",
    "sort attribute": "{{ ['', 'a'] | sort(attribute='__class__') }}",
    "groupby": "{{ [''] | groupby('__class__') }}",
    "generator frame": "{{ (parameters.items | map('string')).gi_frame }}",
    "macro globals": "{% macro m() %}{% endmacro %}{{ m.__init__.__globals__ }}",
    "change the context": "{{ parameters.update({'a': 2}) }}",
    "change a list": "{{ parameters['items'].append(3) }}",
    "do": "{% do parameters.clear() %}",
    "chance": "{{ [1, 2] | random }}",
    "debug": "{% debug %}",
    "import of a module": "{% import 'os' as os %}{{ os }}",
    "environment of the template": "{{ environment_ }}",
    "loader": "{{ self._TemplateReference__context.environment.loader }}",
}
BOMBS = {
    "long text": ("{{ 'a' * 500000000 }}", "'*' would make something longer than 1000000"),
    "long list": ("{% set x = [1] * 99999999 %}", "'*' would make something longer than 1000000"),
    "big power": ("{{ 10 ** (10 ** 7) }}", "a number may have at most 4096 bits"),
    "tower": ("{{ 9 ** (9 ** (9 ** 9)) }}", "a number may have at most 4096 bits"),
    "wide percent": ("{{ '%999999999d' % 1 }}", "a '%' format may be at most 10000 wide"),
    "percent with a star": ("{{ '%*d' % (999999999, 1) }}", "a '%' format may be at most 10000 wide"),
    "wide format": ("{{ '{:>999999999}'.format(1) }}", "the template needs more than 300 MiB of memory"),
    "center": ("{{ 'a'.center(2000000000) }}", "the template needs more than 300 MiB of memory"),
    "range": ("{{ range(99999999) | list }}", "a range or a number in the template is too large"),
    "nested ranges": (
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "the template runs longer than 1 s",
    ),
    "endless text": (
        "{% for i in range(99999) %}{% for j in range(99) %}aaaaaaaaaaaaaaaa{% endfor %}{% endfor %}",
        "the output is larger than 1048576 bytes",
    ),
    "recursive macro": (
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "templates include each other, or a macro calls itself, without end",
    ),
    "computed include of itself": (
        "{% set n = 'a.yaml' %}{% include n %}",
        "templates include each other, or a macro calls itself, without end",
    ),
}


def one(workers: Workers, source: str, **files: str) -> Text | Failure:
    return workers.render(Job({"a.yaml": source, **files}, ("a.yaml",), CONTEXT))["a.yaml"]


@pytest.mark.parametrize("source", ESCAPES.values(), ids=ESCAPES)
def test_nothing_escapes_the_sandbox(workers: Workers, source: str) -> None:
    """Each known way out of a Jinja sandbox fails, and fails as a mistake of the template."""
    result = one(workers, source)
    assert isinstance(result, Failure)
    assert result.line == 1


@pytest.mark.parametrize(("source", "what"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_names_the_template_and_the_limit(workers: Workers, source: str, what: str) -> None:
    """What grows without bounds is stopped with the limit it met, and the pool still renders after it."""
    result = one(workers, source)
    assert isinstance(result, Failure)
    assert (result.file, result.what) == ("a.yaml", what)
    assert one(workers, "{{ parameters.a }}") == Text("1", (("a.yaml", 1),))


def test_a_bomb_is_told_at_its_line(workers: Workers) -> None:
    """Time that runs out is told at the loop, not only at the file."""
    result = one(
        workers, "x\n\n{% for i in range(99999) %}\n{% for j in range(99999) %}{% endfor %}\n{% endfor %}"
    )
    assert isinstance(result, Failure)
    assert result.line in (3, 4)


class _Deaf(Workers):
    """Workers whose alarm comes far too late, as if the template were stuck in one C call."""

    def __init__(self) -> None:
        super().__init__(Limits(seconds=30.0, memory_bytes=300 * 2**20))
        # The child is told another limit than the parent enforces.
        self.enforced = Limits(seconds=0.2, memory_bytes=300 * 2**20)

    def _take(self) -> worker._Process:
        process = super()._take()
        self.limits = self.enforced
        return process


def test_a_template_that_ignores_its_alarm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parent kills a child that does not answer, names the template, and renders the rest."""
    monkeypatch.setattr(worker, "GRACE_SECONDS", 0.1)
    loop = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    files = {"a.yaml": "1", "b.yaml": loop, "c.yaml": "3"}
    with _Deaf() as workers:
        workers.render(Job({"a.yaml": ""}, ("a.yaml",), {}))  # starts the child with the long alarm
        results = workers.render(Job(files, tuple(files), CONTEXT))
    assert results["a.yaml"] == Text("1", (("a.yaml", 1),))
    assert results["c.yaml"] == Text("3", (("c.yaml", 1),))
    assert results["b.yaml"] == Failure(
        "b.yaml",
        0,
        "the template was stopped: it needs more than 0.2 s or 300 MiB",
        "make its loops and texts smaller",
    )


def one_is_alive(workers: Workers) -> bool:
    (process,) = workers._idle
    return process.alive


def test_a_broken_installation_is_not_blamed_on_a_template(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that cannot start is a fault of its own, told once, and no hang."""
    monkeypatch.setattr(worker, "_BOOT", "import sys; sys.exit(1)  # {path} {limits}")
    with Workers() as workers, pytest.raises(WorkersBroken, match="does not start"):
        one(workers, "1")


def pid_of(workers: Workers) -> int:
    (process,) = workers._idle
    return process._popen.pid


def test_a_child_that_dies_is_replaced() -> None:
    """A child killed from outside, by the kernel say, costs nothing but a new start."""
    with Workers() as workers:
        assert isinstance(one(workers, "1"), Text)
        before = pid_of(workers)
        os.kill(before, signal.SIGKILL)
        while one_is_alive(workers):
            os.sched_yield()
        assert one(workers, "2") == Text("2", (("a.yaml", 1),))
        assert pid_of(workers) != before


def test_the_child_stays_warm() -> None:
    """Many renders and harmless mistakes share one process."""
    with Workers() as workers:
        one(workers, "1")
        before = pid_of(workers)
        for source in ("{{ nope }}", "{% if %}", "{{ 1 / 0 }}", "{{ 'a' * 999999999 }}"):
            assert isinstance(one(workers, source), Failure)
        assert pid_of(workers) == before


def test_threads_do_not_share_a_child() -> None:
    """Concurrent renders get the results of their own jobs."""
    found: dict[int, str] = {}

    def work(number: int) -> None:
        for _ in range(20):
            result = workers.render(Job({"a": "{{ parameters.n }}"}, ("a",), {"parameters": {"n": number}}))[
                "a"
            ]
            assert isinstance(result, Text)
            found[number] = result.text

    with Workers() as workers:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == {0: "0", 1: "1", 2: "2"}


def test_the_child_has_nothing_to_steal() -> None:
    """No environment variable, no open file but its pipes, no right to open more, no session of ours."""
    os.environ["GITREL_TEST_CANARY"] = "hunter2"
    try:
        with Workers() as workers:
            one(workers, "1")
            pid = pid_of(workers)
            proc = Path(f"/proc/{pid}")
            assert (proc / "environ").read_bytes() == b""
            assert sorted(entry.name for entry in (proc / "fd").iterdir()) == ["0", "1", "2"]
            assert str((proc / "fd" / "2").readlink()) == "/dev/null"
            rows = (proc / "limits").read_text().splitlines()
            limits = {row[:25].strip(): row[26:].split()[0] for row in rows}
            assert limits["Max open files"] == "3"
            assert limits["Max file size"] == "0"
            assert limits["Max address space"] == str(Limits().memory_bytes)
            assert os.getsid(pid) == pid
            assert str((proc / "cwd").readlink()) == "/"
    finally:
        del os.environ["GITREL_TEST_CANARY"]


def test_closing_ends_the_child() -> None:
    """No process is left behind."""
    workers = Workers()
    one(workers, "1")
    pid = pid_of(workers)
    workers.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def seconds_of(process: int) -> float:
    """What it has had of the processor, user and system."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_it_is_fast_enough_when_warm(workers: Workers) -> None:
    """Hundreds of renders a second, so that a thousand environments are rendered in seconds."""
    job = Job({"a": "{% for i in range(20) %}\n- {{ parameters.nested.k }}\n{% endfor %}"}, ("a",), CONTEXT)
    workers.render(job)
    child = pid_of(workers)
    before = seconds_of(child)
    # The promise is 500 a second on a quiet core; a tenth tells a broken cache from a slow machine.
    with at_most(cpu_seconds=4):
        for _ in range(200):
            workers.render(job)
    assert seconds_of(child) - before <= 4
    assert pid_of(workers) == child
