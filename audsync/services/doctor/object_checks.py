"""What `doctor` says about the state in an object store: it can be reached, and all is allowed."""

import secrets
from collections.abc import Iterator
from io import BytesIO

from audsync.errors import StateError
from audsync.objects.address import Address
from audsync.objects.bucket import Bucket
from audsync.services.doctor.checks import Check, bad, good
from audsync.services.wiring.runtime import Runtime

_PROBE = b"audsync doctor"


def rights(runtime: Runtime, place: Address) -> Iterator[Check]:
    """Put, list, read and delete a probe beside the state.

    Raises:
        ConfigError: the store cannot be asked.
        StateError: it does not answer, or something is not allowed.
    """
    bucket = Bucket(place, runtime.object_access, fault=StateError)
    folder = place.below(".audsync-doctor")
    probe = folder.below(secrets.token_hex(8))
    read = BytesIO()
    bucket.put(probe.key, _PROBE)
    try:
        for one in bucket.below(folder.key):
            if one.address == probe:
                bucket.fetch(one, read)
    finally:
        bucket.delete(probe.key)
    if read.getvalue() != _PROBE or bucket.find(probe.key) is not None:
        yield bad(
            "objects",
            f"{place} does not show at once what was written or deleted.",
            "Use a store that does, as S3, Google Cloud Storage and Azure do.",
        )
        return
    yield good("objects", f"{place} can be listed, read, written and deleted from")
