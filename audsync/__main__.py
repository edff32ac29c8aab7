"""`python -m audsync`, and the entry point of the `audsync` command."""

import sys


def main() -> None:
    """Run the command line; the version needs none of it."""
    if sys.argv[1:] == ["--version"]:
        from audsync import __version__  # noqa: PLC0415 - nothing else is loaded for this

        sys.stdout.write(f"audsync {__version__}\n")
        return
    from audsync.cli.app import run  # noqa: PLC0415 - loads the command line

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
