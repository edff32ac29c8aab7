"""What `--out` names: stdout, a file of this machine, or an object."""

from typing import BinaryIO

from audsync.errors import UsageError
from audsync.objects.address import address_of, is_object
from audsync.services.exports.export_files import Destination, LocalFiles, Stream, file_of
from audsync.services.wiring.runtime import Runtime


def destination(
    runtime: Runtime, out: str, stdout: BinaryIO, *, lasts_s: int | None = None
) -> Destination:
    """Where to write.

    Args:
        runtime: the program's.
        out: a path, the address of an object, or `-` for stdout.
        stdout: where that leads.
        lasts_s: how long a download URL is to work; None: as long as usual.

    Raises:
        UsageError: nothing can be written there, or what is there needs no URL.
        ConfigError: the object store cannot be asked.
    """
    if is_object(out):
        # Only who names a bucket waits for what it takes.
        from audsync.services.exports.export_objects import Objects

        return Objects(address_of(out), runtime.object_access, lasts_s=lasts_s, clock=runtime.clock)
    if lasts_s is not None:
        raise UsageError(
            "--expires is for objects (s3://…): a file on this machine has no URL that could end.",
            details={"option": "--expires"},
        )
    if out == "-":
        return Stream(stdout)
    scheme, is_url, rest = out.partition("://")
    if is_url and scheme != "file":
        raise UsageError(
            f"--out {scheme}://… cannot be written: name a file, or an object by s3://, gs:// or"
            " az://.",
            details={"option": "--out"},
        )
    return LocalFiles(file_of(rest if is_url else out))
