"""Formulas over measured values: parsed and checked once, names bound to numbers, nothing ever handed to Python's own evaluator.

Everything is computed in floating point, so that no formula can make numbers that grow without bound.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from simpleeval import InvalidExpression, SimpleEval

from analyticlens.engine.errors import CannotBuild, ToolFailed

MAX_CHARACTERS = 500
MAX_NODES = 100
MAX_EXPONENT = 8

Value = float | Sequence[float]


def _floats(function: Callable[[float, float], Any]) -> Callable[[Any, Any], float]:
    """Return an operator whose every result is a finite number: a comparison must not hide that a step before it had none."""

    def applied(left: Any, right: Any) -> float:
        result = function(float(left), float(right))
        if isinstance(result, complex) or not math.isfinite(result):
            raise ArithmeticError(f"{function.__name__} of {left:g} and {right:g} is no finite number")
        return float(result)

    return applied


OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: _floats(operator.add),
    ast.Sub: _floats(operator.sub),
    ast.Mult: _floats(operator.mul),
    ast.Div: _floats(operator.truediv),
    ast.Mod: _floats(operator.mod),
    ast.Pow: _floats(operator.pow),
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.UAdd: float,
    ast.USub: lambda value: -float(value),
    ast.Not: operator.not_,
}
FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": lambda value: abs(float(value)),
    "round": lambda value: float(round(value)),
    "sqrt": lambda value: math.sqrt(value),
    "min": min,
    "max": max,
    "sum": lambda values: math.fsum(values),
    "len": lambda values: float(len(values)),
}
# What may take a list: `min` and `max` also take numbers.
TAKES_LIST = {"min", "max", "sum", "len"}
WANTS_LIST = {"sum", "len"}
SHAPES: tuple[type[ast.AST], ...] = (
    ast.BinOp,
    ast.UnaryOp,
    ast.BoolOp,
    ast.Compare,
    ast.IfExp,
    ast.Call,
    ast.Name,
    ast.Constant,
)
MARKS: tuple[type[ast.AST], ...] = (ast.Load, ast.And, ast.Or, *OPERATORS)


class Formula:
    """A checked formula; `names` are the measures it uses, calling it computes it."""

    def __init__(self, text: str, tree: ast.expr, names: frozenset[str]) -> None:
        self._text = text
        self._tree = tree
        self._evaluator = SimpleEval(operators=OPERATORS, functions=FUNCTIONS, names={})
        self.names = names

    def __call__(self, values: Mapping[str, Value]) -> float:
        """Return the formula's value; a comparison or a boolean gives 1.0 or 0.0.

        Raises ToolFailed where it has no finite value: division by zero, overflow, an empty list's smallest.
        """
        self._evaluator.names = {name: values[name] for name in self.names}
        try:
            result = float(self._evaluator.eval(self._text, previously_parsed=self._tree))
        except ZeroDivisionError:
            raise ToolFailed("the formula divides by zero", "no_result") from None
        except (ArithmeticError, TypeError, ValueError, InvalidExpression) as problem:
            raise ToolFailed(f"the formula has no value: {problem}", "no_result") from None
        if not math.isfinite(result):
            raise ToolFailed("the formula's value is not finite", "no_result")
        return result


def compile_formula(text: str, numbers: Collection[str], lists: Collection[str] = ()) -> Formula:
    """Return the formula, ready to be computed over the measures named.

    Allowed: numbers, the names in `numbers`, + - * / % and ** (by a number up to 8), comparisons, and, or, not, parentheses,
    `a if b else c`, abs, round, sqrt, min, max; sum, len, min and max of a name in `lists`. Raises CannotBuild with one sentence.

    >>> compile_formula("blob_count == 2 and total_area > 50", ["blob_count", "total_area"])({"blob_count": 2, "total_area": 60})
    1.0
    """
    tree = _parsed(text)
    nodes = list(ast.walk(tree))
    if len(nodes) > MAX_NODES:
        raise CannotBuild(f"the formula has more than {MAX_NODES} parts")
    list_places = {id(arg) for node in nodes if isinstance(node, ast.Call) for arg in _list_arguments(node)}
    for node in nodes:
        _check(node)
    functions = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    used = [node for node in nodes if isinstance(node, ast.Name) and id(node) not in functions]
    for name in used:
        _check_name(name.id, id(name) in list_places, numbers, lists)
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in WANTS_LIST:
            _check_wants_list(node, lists)
    if not used:
        raise CannotBuild("the formula names no measure")
    return Formula(text, tree, frozenset(name.id for name in used))


def _parsed(text: str) -> ast.expr:
    if len(text) > MAX_CHARACTERS:
        raise CannotBuild(f"the formula is longer than {MAX_CHARACTERS} characters")
    # Python would fold look-alike letters into plain ones: what a person reads must be what is computed.
    if not text.isascii():
        raise CannotBuild("the formula has characters beyond plain ASCII")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError, Warning):
        raise CannotBuild("the formula cannot be read") from None


def _list_arguments(call: ast.Call) -> list[ast.expr]:
    """Return the arguments of a call that may be lists: the only argument of sum, len, min or max."""
    if isinstance(call.func, ast.Name) and call.func.id in TAKES_LIST and len(call.args) == 1:
        return call.args
    return []


def _check(node: ast.AST) -> None:
    """Refuse what is not arithmetic; write constants as floats."""
    if not isinstance(node, SHAPES + MARKS):
        raise CannotBuild(f"the formula may not hold {type(node).__name__}")
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            return
        if not isinstance(node.value, int | float):
            raise CannotBuild("the formula may hold numbers, not texts")
        node.value = _finite(node.value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        _check_exponent(node.right)
    if isinstance(node, ast.Call):
        _check_call(node)


def _finite(number: float) -> float:
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise CannotBuild("the formula holds a number that is too large")
    return value


def _check_exponent(node: ast.expr) -> None:
    plain = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd) else node
    if not (isinstance(plain, ast.Constant) and isinstance(plain.value, int | float)):
        raise CannotBuild("an exponent must be a plain number")
    if abs(plain.value) > MAX_EXPONENT:
        raise CannotBuild(f"an exponent may be at most {MAX_EXPONENT}")


def _check_call(node: ast.Call) -> None:
    if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
        raise CannotBuild(f"the formula may call only {', '.join(sorted(FUNCTIONS))}")
    name = node.func.id
    alone = name not in {"min", "max"}
    if node.keywords or not node.args or (alone and len(node.args) != 1):
        raise CannotBuild(f"{name} is called with what it does not take")


def _check_name(name: str, takes_list: bool, numbers: Collection[str], lists: Collection[str]) -> None:
    if name in lists:
        if not takes_list:
            raise CannotBuild(f"{name} is a list: use it inside sum, len, min or max")
    elif name not in numbers:
        raise CannotBuild(f"the formula names {name!r}, which is no measure of that tool")


def _check_wants_list(call: ast.Call, lists: Collection[str]) -> None:
    (argument,) = call.args
    if not (isinstance(argument, ast.Name) and argument.id in lists):
        raise CannotBuild(f"{ast.unparse(call.func)} takes a list of measures")
