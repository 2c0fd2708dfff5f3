"""What makes a value of a setting a sound one: validators for attrs, each with its sentence."""

import math
from collections.abc import Callable
from typing import Any, NoReturn

import attrs

from campaigns_async.errors import ConfigurationError


class Arguments:
    """Marks a class whose fields are the arguments of a call, and go by their names alone."""

    __slots__ = ()


Check = Callable[[object, "attrs.Attribute[Any]", Any], None]


def at_least(minimum: float, *, above: bool = False, finite: bool = True) -> Check:
    """A number, not below ``minimum``, or ``above`` it; NaN never is."""

    def check(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or math.isnan(value) or (finite and math.isinf(value)):  # type: ignore[arg-type]
            _refuse(instance, attribute, f"a {'finite ' * finite}number", value)
        if value < minimum or (above and value == minimum):  # type: ignore[operator]
            _refuse(instance, attribute, f"{'above' if above else 'at least'} {minimum}", value)

    return check


def at_most(maximum: float) -> Check:
    """A number, not above it; for behind others."""

    def check(instance: object, attribute: "attrs.Attribute[Any]", value: float) -> None:
        if value > maximum:
            _refuse(instance, attribute, f"at most {maximum}", value)

    return check


def whole(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """A whole number; for before others."""
    if not isinstance(value, int):
        _refuse(instance, attribute, "a whole number", value)


def one_of(*values: str) -> Check:
    """One of these words."""

    def check(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        if value not in values:
            _refuse(instance, attribute, " or ".join(map(repr, values)), value)

    return check


def something_to_call(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """A callback, or None."""
    if not (value is None or callable(value)):
        _refuse(instance, attribute, "something to call, or None", value)


def is_a(*kinds: type, name: str | None = None) -> Check:
    """A value of one of these classes; ``name``: what they are, None for the name of the first."""

    def check(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        if not isinstance(value, kinds):
            _refuse(instance, attribute, name or f"a {kinds[0].__name__}", value)

    return check


def yes_or_no(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """A bool, and not merely something that counts as one: "no" would count as True."""
    if not isinstance(value, bool):
        _refuse(instance, attribute, "True or False", value)


def has_method(name: str) -> Check:
    """An object with this method, or None."""

    def check(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        if not (value is None or callable(getattr(value, name, None))):
            _refuse(instance, attribute, f"an object with {name}(), or None", value)

    return check


def _refuse(
    instance: object, attribute: "attrs.Attribute[Any]", wanted: str, value: object
) -> NoReturn:
    of = "" if isinstance(instance, Arguments) else f"{type(instance).__name__}."
    msg = f"{of}{attribute.name} must be {wanted}, not {value!r}"
    raise ConfigurationError(msg)
