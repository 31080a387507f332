"""The chain: those who complete an object, one after the other, and later those who may refuse it.

Which plugins care about a kind of write is worked out once, so that a write nobody cares about costs one
look-up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from gitrel.cluster.api.admission.plugin import Admit, Attributes, Course, Operation, Plugin, Validate
from gitrel.kube.identity import Object


class Steps(NamedTuple):
    """For one kind of write."""

    admit: Sequence[Admit]
    validate: Sequence[Validate]


class Gate:
    """What one write has to pass: first `completed`, and `check` when it is ready to be stored."""

    __slots__ = ("_attributes", "_steps")

    def __init__(self, steps: Steps, attributes: Attributes) -> None:
        self._steps = steps
        self._attributes = attributes

    @property
    def course(self) -> Course:
        return self._attributes.course

    def completed(self, obj: Object) -> Object:
        """In one round, or in two where somebody from outside changed it. Raises ApiError."""
        obj = self._round(obj)
        course = self._attributes.course
        if course.wants_again:
            course.again = True
            obj = self._round(obj)
        return obj

    def _round(self, obj: Object) -> Object:
        for admit in self._steps.admit:
            obj = admit(self._attributes, obj)
        return obj

    def check(self, obj: Object) -> None:
        """Raises ApiError. May charge quotas: nothing may fail between this and the storing."""
        for validate in self._steps.validate:
            validate(self._attributes, obj)


class OpenGate:
    """Where nobody has a say."""

    __slots__ = ()

    course = Course()

    def completed(self, obj: Object) -> Object:
        return obj

    def check(self, obj: Object) -> None:
        return None


OPEN = OpenGate()


class Chain:
    """Plugins in the order in which they are asked."""

    def __init__(self, plugins: Sequence[Plugin] = ()) -> None:
        self.plugins = tuple(plugins)
        self._steps: dict[tuple[str, str, Operation], Steps | None] = {}

    def gate(
        self, operation: Operation, resource: str, subresource: str, attributes: Callable[[], Attributes]
    ) -> Gate | OpenGate:
        """`attributes` is asked for only where somebody looks."""
        key = (resource, subresource, operation)
        try:
            steps = self._steps[key]
        except KeyError:
            steps = self._steps[key] = self._worked_out(*key)
        return OPEN if steps is None else Gate(steps, attributes())

    def forget(self) -> None:
        """What was worked out is worked out anew: somebody cares about other writes than before."""
        self._steps.clear()

    def _worked_out(self, resource: str, subresource: str, operation: Operation) -> Steps | None:
        mine = [plugin for plugin in self.plugins if plugin.handles(resource, subresource, operation)]
        admit = tuple(plugin.admit for plugin in mine if plugin.admit)
        validate = tuple(plugin.validate for plugin in mine if plugin.validate)
        return Steps(admit, validate) if mine else None
