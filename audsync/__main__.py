"""`python -m audsync`, and the entry point of the `audsync` command."""

import gc
import sys
from contextlib import suppress


def main() -> None:
    """Run the command line; the version needs none of it."""
    if sys.argv[1:] == ["--version"]:
        from audsync import __version__  # noqa: PLC0415 - nothing else is loaded for this

        sys.stdout.write(f"audsync {__version__}\n")
        return
    _leave_no_core()
    # What is loaded stays; looking through it for rubbish takes a tenth of the start.
    gc.disable()
    from audsync.cli.app import run  # noqa: PLC0415 - loads the command line

    gc.freeze()
    gc.enable()
    sys.exit(run(sys.argv[1:]))


def _leave_no_core() -> None:
    """Let no crash write the memory to a file: people, tokens and the key are in it.

    Only the soft limit: who wants a dump raises it for the process. Windows has no such limit.
    """
    with suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 - Unix has it

        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, most))


if __name__ == "__main__":
    main()
