"""Names for the array types that the codecs pass around."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.int16]
"""Linear PCM, 16-bit signed."""
Codes: TypeAlias = NDArray[np.uint8]
"""Octets: G.711 codes, payloads or whole packets."""
Rows: TypeAlias = NDArray[np.intp]
"""Indices of lanes, the rows of a state array."""
