"""Values as the column of a type, or which column they do not fit. Pure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from common.errors import DoesNotFit


def fitted(name: str, kind: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    """The column that `make` gives. Raises DoesNotFit, which names column and type, where a conversion fails."""
    try:
        return make()
    except OverflowError as error:
        raise DoesNotFit(name, kind, "out of range") from error
    except TypeError as error:
        raise DoesNotFit(name, kind, "wrong type, or None in a column that is not Nullable") from error
    except (ValueError, ArithmeticError, LookupError, OSError) as error:
        raise DoesNotFit(name, kind, "not a value of that type") from error
