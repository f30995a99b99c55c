"""SplitMix64's finaliser, the project's one mixer of 64 bits, for numpy arrays and, compiled, for numba kernels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)


def splitmix64(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """A bijection of 64 bits in which every input bit reaches every output bit (Steele, Lea and Flood 2014).

    Filters, token order and probes depend on it: it must never change. NB: numba's cache of a kernel that inlines it would not notice.
    """
    x = (x ^ (x >> _SHIFTS[0])) * _FACTORS[0]
    x = (x ^ (x >> _SHIFTS[1])) * _FACTORS[1]
    return x ^ (x >> _SHIFTS[2])
