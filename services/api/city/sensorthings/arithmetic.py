"""`add`, `sub`, `mul`, `div`, `mod` of expressions: numbers with numbers, times with durations."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from services.api.city.sensorthings.functions import number_in
from services.api.city.sensorthings.values import Moment, Number, Span, Value


def arithmetic(operator: str, left: Value, right: Value) -> Value:
    """Return the sum, difference, product, quotient or remainder of two values; a time takes a duration.

    Raises:
        Problem: 400.
    """
    times: dict[tuple[type, type, str], Callable[[Any, Any], Value]] = {
        (Moment, Span, "add"): lambda a, b: Moment(a + b),
        (Moment, Span, "sub"): lambda a, b: Moment(a - b),
        (Moment, Moment, "sub"): lambda a, b: Span(a - b),
        (Span, Span, "add"): lambda a, b: Span(a + b),
        (Span, Span, "sub"): lambda a, b: Span(a - b),
    }
    if (with_time := times.get((type(left), type(right), operator))) is not None:
        return with_time(left.sql, right.sql)  # type: ignore[union-attr]
    a, b = number_in(operator, left), number_in(operator, right)
    match operator:
        case "add":
            return Number(a + b)
        case "sub":
            return Number(a - b)
        case "mul":
            return Number(a * b)
        case "div":
            return Number(a / sa.func.nullif(b, 0.0))
    # PostgreSQL has no remainder of doubles; OData's has the sign of the dividend
    return Number(a - b * sa.func.trunc(a / sa.func.nullif(b, 0.0)))
