"""What a cell says about its person's consent: a statement, never a value that could match.

A cell that says anything but yes is a no; only one without a word leaves it to the connection.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from audsync.domain import Kind
from audsync.identifiers import text as texts
from audsync.identifiers.packing import Values, Way

_WORDS = ("DENIED", "GRANTED")
"""What is stated. The no comes first in any order of values, so that it wins where the rows of one
profile differ."""


def stated(kind: Kind, cells: pa.Array, yes_words: Sequence[str]) -> Values:
    """What each cell that is not blank states; none is rejected: no doubt may pass for a yes."""
    words = texts.series(cells).to_frame("text").select(pl.col("text").str.strip_chars())["text"]
    is_yes = words.str.to_lowercase().is_in(yes_words).fill_null(value=False).to_numpy()
    says_anything = (words.str.len_bytes() > 0).fill_null(value=False).to_numpy()
    rows = np.flatnonzero(says_anything)
    return Values(
        kind=kind,
        way=Way.TEXT,
        text=pl.Series(_WORDS, dtype=pl.String),
        rows=rows,
        picks=is_yes[rows].astype(np.intp),
    )
