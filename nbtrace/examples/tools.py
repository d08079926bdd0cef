"""The tools that the quickstart's model may call: signatures and arithmetic.

Both take one string, answer with text or a number, and raise ``ValueError`` with a sentence that
the model can act on. ``calculate`` walks the syntax tree; nothing is ever evaluated as code.
"""

from __future__ import annotations

import ast
import inspect
import math
import operator
import pydoc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

Number = int | float

# Beyond this an integer power takes longer than a person waits and prints more than they read.
MAX_POWER_BITS = 4_096
MAX_EXPRESSION_CHARACTERS = 200

BINARY: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
UNARY: dict[type[ast.unaryop], Callable[[Number], Number]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}

DESCRIPTIONS = [
    {
        "type": "function",
        "function": {
            "name": "look_up_signature",
            "description": "Return the call signature of a function or class of Python.",
            "parameters": {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "description": "dotted name, e.g. math.comb"}
                },
                "required": ["name"],
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "calculate",
            "description": "Evaluate arithmetic: + - * / // % ** and parentheses.",
            "parameters": {
                "type": "object",
                "properties": {"expression": {"type": "string", "description": "e.g. 10*9/2"}},
                "required": ["expression"],
            },
        },
    },
]


def look_up_signature(name: str) -> str:
    """Return how an object of the standard library is called.

    Parameters
    ----------
    name : str
        A dotted name such as ``"math.comb"``.

    Returns
    -------
    str
        The name with its parameters.

    Raises
    ------
    ValueError
        When there is no such object, or it does not tell its signature.

    Examples
    --------
    >>> look_up_signature("math.comb")
    'math.comb(n, k, /)'
    """
    found = pydoc.locate(name)
    if not callable(found):
        message = f"{name!r} is not something that can be called; give a dotted name like math.comb"
        raise ValueError(message)  # noqa: TRY004 - the name is at fault, its type is right
    try:
        return f"{name}{inspect.signature(found)}"
    except ValueError:
        message = f"{name} is written in C and does not tell its signature"
        raise ValueError(message) from None


def calculate(expression: str) -> Number:
    """Evaluate an arithmetic expression.

    Parameters
    ----------
    expression : str
        Numbers, ``+ - * / // % **`` and parentheses.

    Returns
    -------
    int or float
        The value.

    Raises
    ------
    ValueError
        For anything else than arithmetic, and for a division by zero.

    Examples
    --------
    >>> calculate("10 * 9 * 8 / (3 * 2 * 1)")
    120.0
    """
    if len(expression) > MAX_EXPRESSION_CHARACTERS:
        message = f"the expression is longer than {MAX_EXPRESSION_CHARACTERS} characters"
        raise ValueError(message)
    try:
        return _value(ast.parse(expression.strip(), mode="eval").body)
    except SyntaxError:
        message = f"{expression!r} is not an arithmetic expression"
        raise ValueError(message) from None
    except (ZeroDivisionError, OverflowError) as error:
        message = f"{expression!r} has no value: {error}"
        raise ValueError(message) from None


def _value(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.UnaryOp(op=op, operand=operand) if type(op) in UNARY:
            return UNARY[type(op)](_value(operand))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left), _value(right))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
            return BINARY[type(op)](_value(left), _value(right))
    message = f"{ast.unparse(node)!r} is not arithmetic: use numbers and + - * / // % ** ( )"
    raise ValueError(message)


def _power(base: Number, exponent: Number) -> Number:
    bits = abs(exponent) * max(1.0, math.log2(abs(base) + 1))
    if bits > MAX_POWER_BITS:
        message = f"{base}**{exponent} is too large to write out"
        raise ValueError(message)
    result = base**exponent
    if isinstance(result, complex):
        message = f"{base}**{exponent} is not a real number"
        raise ValueError(message)  # noqa: TRY004 - the value is at fault, not the caller's type
    return result
