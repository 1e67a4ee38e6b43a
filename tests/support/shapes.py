"""The type checker that tests apply to array code: shapes, dtypes and whatever else it can."""

import warnings
from collections.abc import Callable
from typing import Any

from beartype import BeartypeConf, beartype
from beartype.roar import BeartypeDecorException

CONFIGURATION = BeartypeConf(is_pep484_tower=True)


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Check calls against the annotations, where beartype understands them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return beartype(function, conf=CONFIGURATION)
        except BeartypeDecorException:
            return function
