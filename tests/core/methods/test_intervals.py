from __future__ import annotations

import numpy as np

from core.methods.intervals import wilson


def test_wilson__known_values() -> None:
    low, high = wilson(np.array([0, 6, 100]), np.array([10, 100, 100]))
    np.testing.assert_allclose(low, [0, 0.0278, 0.9630], atol=1e-4)
    np.testing.assert_allclose(high, [0.2775, 0.1248, 1], atol=1e-4)
