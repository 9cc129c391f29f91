"""How long things take in a workload: drawn around a mean from the client's own stream, in one of four shapes.

shape        what it stands for                median  99 % are  99.9 % are
uniform      50 % to 150 % of the mean         1.00    ≤ 1.49    ≤ 1.50
constant     a machine                         1.00    1.00      1.00
exponential  what ends without a memory        0.69    ≤ 4.6     ≤ 6.9
lognormal    people, disks, garbage collectors 0.61    ≤ 6.2     ≤ 13.3

All in multiples of the mean. Nothing is cut off: the last two now and then give far more than a lease.
"""

from __future__ import annotations

from random import Random

SHAPES = ("uniform", "constant", "exponential", "lognormal")
SIGMA = 1.0
"""Standard deviation of the logarithm of a lognormal duration."""


def drawn(mean: float, shape: str, random: Random) -> float:
    """Seconds; ``mean`` of them on average. Raises ValueError for a shape that is none of :data:`SHAPES`."""
    match shape:
        case "uniform":
            return mean * random.uniform(0.5, 1.5)
        case "constant":
            return mean
        case "exponential":
            return mean * random.expovariate(1.0)
        case "lognormal":
            return mean * random.lognormvariate(-(SIGMA**2) / 2, SIGMA)
    raise ValueError(f"there is no shape {shape!r} of durations; there are {', '.join(SHAPES)}")
