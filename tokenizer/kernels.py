"""What the compiled loops (kernels) share: their decorator, and names for the types of their arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit

Bytes: TypeAlias = npt.NDArray[np.uint8]
Ids: TypeAlias = npt.NDArray[np.int32]
Ints: TypeAlias = npt.NDArray[np.int64]
Chunks: TypeAlias = npt.NDArray[np.uint64]
Scalar: TypeAlias = Any  # a number in a kernel: a Python int from outside, one of numba's widths inside
F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile at the first call with each signature, into numba's cache on disk; the GIL is released during a call.

    A kernel calls only kernels of its own file, because numba's cache does not notice a change in another file. Nothing is checked
    inside: an index outside its array is undefined behaviour, as in C.
    """
    return cast("F", njit(cache=True, nogil=True)(function))
