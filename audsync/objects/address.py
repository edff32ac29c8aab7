"""Addresses of objects: `s3://bucket/key`, `gs://bucket/key`, `az://container/key`."""

from dataclasses import dataclass, replace

from audsync.config.values import OBJECT_SCHEMES


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A bucket, and what is asked of it: an object, the beginning of names, or a pattern."""

    scheme: str
    bucket: str
    key: str
    """Without a slash at its beginning; "" for the whole bucket."""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}"

    def at(self, key: str) -> "Address":
        """Another key of the same bucket."""
        return replace(self, key=key)

    def below(self, name: str) -> "Address":
        """What would be in the folder of this name, if objects had folders."""
        key = self.key.rstrip("/")
        return self.at(f"{key}/{name}" if key else name)


def is_object(place: str) -> bool:
    """Whether a place is in an object store."""
    return place.partition("://")[0] in OBJECT_SCHEMES and "://" in place


def address_of(place: str) -> Address:
    """A place of which `is_object` is true, in its parts."""
    scheme, _, rest = place.partition("://")
    bucket, _, key = rest.partition("/")
    return Address(scheme=scheme, bucket=bucket, key=key.lstrip("/"))
