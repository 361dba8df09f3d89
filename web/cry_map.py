"""Cries on a plane: the two directions in which their sounds differ most (principal components)."""

from collections.abc import Sequence

import numpy as np

from device.need_sound import Vector

LEAST = 5


def place(vectors: Sequence[Vector]) -> list[tuple[float, float]] | None:
    """A place in the unit square for each vector, alike ones near one another; None if there are too few or all are alike.

    Extreme ones are drawn at the edge, so that a single odd cry does not press all others together.
    """
    if len(vectors) < LEAST:
        return None
    table = np.nan_to_num(np.asarray(vectors, dtype=np.float64))
    table -= table.mean(axis=0)
    _, strengths, directions = np.linalg.svd(table, full_matrices=False)
    if strengths[0] < 1e-9:
        return None
    flat = table @ directions[:2].T
    if flat.shape[1] < 2:
        flat = np.column_stack([flat, np.zeros(len(flat))])
    low, high = np.quantile(flat, [0.02, 0.98], axis=0)
    span = np.where(high - low > 1e-9, high - low, 1.0)
    placed = np.clip((flat - low) / span, 0.0, 1.0)
    return [(float(x), float(y)) for x, y in placed]
