"""The arguments of a call as a dictionary, by the names the function gives them.

``inspect.Signature.bind`` costs more than a whole span, so what it would find out is worked out
when the function is decorated, and a call is a ``zip``.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def argument_reader(  # noqa: C901 - worked out once, so that a call is cheap
    function: Callable[..., Any],
) -> Callable[[tuple[Any, ...], dict[str, Any]], dict[str, Any]]:
    """Return a function from ``args, kwargs`` to a dictionary by parameter name.

    Parameters
    ----------
    function : callable
        The function that will be called. A first parameter called ``self`` or ``cls`` is left out;
        defaults are filled in, as MLflow does.

    Returns
    -------
    callable
        It never raises; a call that does not fit the signature is given as it is, since the
        function itself is about to raise for it.

    Examples
    --------
    >>> def ask(question, k=3): ...
    >>> argument_reader(ask)(("why?",), {})
    {'question': 'why?', 'k': 3}
    """
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return _unknown
    names = [
        parameter.name
        for parameter in parameters
        if parameter.kind
        in {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    ]
    skip = 1 if names and names[0] in {"self", "cls"} else 0
    receiver = names[0] if skip else ""
    names = names[skip:]
    defaults = {
        parameter.name: parameter.default
        for parameter in parameters
        if parameter.default is not inspect.Parameter.empty
    }
    rest = _name_of(parameters, inspect.Parameter.VAR_POSITIONAL)
    extra = _name_of(parameters, inspect.Parameter.VAR_KEYWORD)
    known = [
        parameter.name
        for parameter in parameters[skip:]
        if parameter.kind not in {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    ]
    count = len(known)
    first = names[0] if names else ""
    # A positional-only name may also come in **kwargs, where it means something else.
    keywords = frozenset(
        parameter.name
        for parameter in parameters
        if parameter.kind
        in {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    )

    # A call that gives every parameter needs no more than a look at their number.
    named_only = rest is None and extra is None
    any_order = not skip and not defaults

    def read(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        if skip:
            args = args[1:]
        # zip's own keyword would cost as much as all of it
        values = {first: args[0]} if len(args) == 1 and names else dict(zip(names, args))  # noqa: B905
        if named_only and len(values) + len(kwargs) == count and (any_order or not kwargs):
            values |= kwargs
            return values
        unknown: dict[str, Any] = {}
        if kwargs:
            if extra is None:
                values.update(kwargs)
            else:
                for name, value in kwargs.items():
                    (values if name in keywords else unknown)[name] = value
            if skip:
                values.pop(receiver, None)
        if len(values) < count or (kwargs and defaults):
            # in the order of the signature, which is how people read it
            values = {
                **{
                    name: values[name] if name in values else defaults[name]
                    for name in known
                    if name in values or name in defaults
                },
                **values,
            }
        if rest is not None:
            values[rest] = list(args[len(names) :])
        if extra is not None:
            values[extra] = unknown
        return values

    return read


def _unknown(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    return {"args": list(args), "kwargs": kwargs} if kwargs else {"args": list(args)}


def _name_of(parameters: list[inspect.Parameter], kind: Any) -> str | None:
    return next((parameter.name for parameter in parameters if parameter.kind is kind), None)
