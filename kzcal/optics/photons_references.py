"""Arrays whose references are not counted, so that a photon's history is free of locks.

numba counts the references to every array at every call of a compiled function, an atomic
addition each, on memory that all threads share: with some twenty arrays that takes as long as
the physics of a photon. The caller holds the arrays for as long as it traces.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.core import cgutils, types
from numba.extending import intrinsic


def _uncounted_array(context: Any, builder: Any, kind: Any, value: Any) -> Any:  # noqa: ANN401
    if not isinstance(kind, types.Array):
        return value
    array = context.make_array(kind)(context, builder, value)
    array.meminfo = cgutils.get_null_value(array.meminfo.type)  # type: ignore[no-untyped-call]
    return array._getvalue()


def _uncounted(_: Any, arrays: Any) -> tuple[Any, Callable[..., Any]]:  # noqa: ANN401
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ANN401
        (kind,) = signature.args
        parts = [
            _uncounted_array(context, builder, kind[i], builder.extract_value(values[0], i))
            for i in range(len(kind))
        ]
        return context.make_tuple(builder, kind, parts)

    return arrays(arrays), generate


uncounted: Any = intrinsic(_uncounted)
"""The same named tuple of arrays, which it does not keep alive; for compiled functions alone."""
