"""What is not there is learnt from few lists, never held for long, and never of what gitrel has just made."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.backends.backend import Refused, Scope
from gitrel.backends.kubernetes.absence import FEW, FRESH_SECONDS, Absence
from gitrel.backends.kubernetes.memory import TooMany
from gitrel.kube.identity import Ref

SCOPE = Scope("v1", "ConfigMap", "shop")


class Server:
    """A scope of names, of which a page holds `page`. Counts what it is asked."""

    def __init__(self, names: Iterable[str] = (), page: int = 500) -> None:
        self.names = set(names)
        self.page = page
        self.now = 0.0
        self.pages = 0
        self.gets = 0
        self.during: Callable[[], None] = lambda: None
        self.refuses = False
        self.absence = Absence(self._list, lambda: self.now)

    def _list(self, scope: Scope, pages: int) -> Iterable[str]:
        if self.refuses:
            self.pages += 1
            raise Refused(Ref("", scope.kind, scope.namespace, ""), "Forbidden", "no")
        needed = max(1, -(-len(self.names) // self.page))
        self.pages += needed if needed <= pages else 1
        if needed > pages:
            raise TooMany
        listed = set(self.names)
        self.during()
        return listed

    def has(self, name: str) -> bool:
        """As the backend asks."""
        if self.absence.is_known(SCOPE, name):
            return False
        self.gets += 1
        if name not in self.names:
            self.absence.asked_in_vain(SCOPE, name)
        return name in self.names

    def make(self, name: str) -> None:
        self.names.add(name)
        self.absence.made(SCOPE, name)


def test_after_a_few_questions_in_vain_one_list_answers() -> None:
    """A thousand objects that are not there cost a few questions and one page."""
    server = Server()
    assert not any(server.has(f"new-{number}") for number in range(1000))
    assert (server.gets, server.pages) == (FEW, 1)


def test_what_is_there_is_asked_for() -> None:
    """A list says that a name exists, and nothing of the object."""
    server = Server({"old"})
    for number in range(10):
        server.has(f"new-{number}")
    asked = server.gets
    assert server.has("old") and server.gets == asked + 1


def test_waiting_for_one_object_is_no_reason_to_list() -> None:
    """And so it is seen as soon as it is there."""
    server = Server()
    assert not any(server.has("late") for _ in range(100))
    assert server.pages == 0
    server.names.add("late")
    assert server.has("late")


def test_a_list_is_soon_too_old() -> None:
    """What somebody else makes is seen after that; a list that spared nothing is not made again."""
    server = Server()
    for number in range(FEW + 1):
        server.has(f"new-{number}")
    server.names.add("theirs")
    server.now += FRESH_SECONDS
    assert server.has("theirs") and server.pages == 1


def test_a_list_that_spared_much_is_made_again() -> None:
    """It is too old to be believed, and yet thirty questions are answered by one new list, none by asking."""
    server = Server()
    for number in range(30):
        server.has(f"new-{number}")
    server.now += FRESH_SECONDS
    asked = server.gets
    assert not any(server.has(f"newer-{number}") for number in range(30))
    assert (server.gets, server.pages) == (asked, 2)


def test_what_gitrel_has_made_is_there_at_once() -> None:
    """Also where it was made while the list was on its way, which does not have it."""
    server = Server()
    for number in range(FEW):
        server.has(f"new-{number}")
    server.during = lambda: server.make("meanwhile")
    assert not server.has("other")
    assert server.has("meanwhile")
    server.make("afterwards")
    assert server.has("afterwards")


def test_where_listing_does_not_pay_it_is_tried_less_and_less() -> None:
    """In a namespace of many others, and where it is not allowed."""
    server = Server()
    server.refuses = True
    for number in range(1000):
        assert not server.has(f"new-{number}")
    assert server.gets == 1000 and server.pages < 12
    crowded = Server((f"other-{number}" for number in range(100)), page=10)
    for number in range(40):
        assert not crowded.has(f"new-{number}")
    assert crowded.gets < 25 and crowded.pages <= crowded.gets


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(("ask", "make", "appear", "wait")), st.integers(0, 40)), max_size=120)
)
def test_it_is_never_wrong_for_long(steps: list[tuple[str, int]]) -> None:
    """Whatever happens: who is told that something is absent could have seen it so within the time allowed,
    gitrel's own is never called absent, and no list is made without as many questions before it."""
    server = Server(page=5)
    since: dict[str, float] = {}
    own: set[str] = set()
    for what, number in steps:
        name = f"n{number}"
        if what == "wait":
            server.now += number / 10
        elif what == "ask":
            if not server.has(name):
                assert name not in own
                assert name not in server.names or server.now - since[name] < FRESH_SECONDS
        else:
            since.setdefault(name, server.now)
            if what == "make":
                own.add(name)
                server.make(name)
            else:
                server.names.add(name)
    assert server.pages <= sum(what == "ask" for what, _ in steps)
