"""Who agreed to being sent to a platform."""

import pyarrow as pa

from audsync.domain import Platform
from audsync.sync.tables.hashes import Flags


def has_agreed(batch: pa.RecordBatch, platform: Platform) -> Flags:
    """Which rows may be sent to the platform, as far as their people were asked.

    Args:
        batch: as `segments.files.read` yields them.
        platform: the column of its own counts, if it has one; else the one for all.
    """
    own = f"has_consent.{platform}"
    name = own if own in batch.schema.names else "has_consent"
    flags: Flags = batch[name].to_numpy(zero_copy_only=False)
    return flags
