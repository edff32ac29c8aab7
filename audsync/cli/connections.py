"""`connect`, and `connections` with `list`, `test`, `rotate` and `remove`."""

from pathlib import Path
from typing import Annotated

import typer

from audsync.cli import show_connections
from audsync.cli.asking import secrets_from
from audsync.cli.context import confirm, globals_of, runtime_of
from audsync.cli.exit_codes import worst
from audsync.cli.options import Yes
from audsync.domain import Platform
from audsync.errors import UsageError

ConnectionName = Annotated[str, typer.Argument(metavar="CONNECTION", help="Its name.")]
File = Annotated[
    Path | None,
    typer.Option("--credentials-file", metavar="FILE", help="A JSON file with the secrets."),
]
Stdin = Annotated[
    bool, typer.Option("--credentials-stdin", help="A JSON document on stdin has the secrets.")
]

app = typer.Typer(
    invoke_without_command=True, rich_markup_mode=None, help="The ways into ad accounts."
)


def connect(  # noqa: PLR0913, PLR0917 - one parameter an option
    context: typer.Context,
    platform: Annotated[Platform, typer.Argument(help="meta, google, tiktok or snapchat.")],
    name: Annotated[str, typer.Option("--name", help="What to call the connection.")],
    account: Annotated[
        str | None, typer.Option("--account", help="The ad account; not needed if the file has it.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option("--base-url", help="A proxy or the sandbox.")
    ] = None,
    token_url: Annotated[
        str | None, typer.Option("--token-url", help="Where tokens are renewed.")
    ] = None,
    api_version: Annotated[str | None, typer.Option("--api-version")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="KEY=VALUE", help="As under `options` in the file."),
    ] = None,
    credentials_file: File = None,
    credentials_stdin: Stdin = False,
) -> None:
    """Test an account's secrets on the platform, and only then save them, encrypted.

    They are asked for without being shown, or come from a JSON file, from stdin, or from
    variables such as AUDSYNC_META_ACCESS_TOKEN.
    """
    from audsync.services.connections import connecting

    runtime, settings = runtime_of(context), globals_of(context)
    ask = secrets_from(runtime, settings, file=credentials_file, is_stdin=credentials_stdin)
    wanted = connecting.Wanted(
        platform=platform,
        name=name,
        account=account,
        base_url=base_url,
        token_url=token_url,
        api_version=api_version,
        options=dict(map(_pair, option or ())),
    )
    show_connections.connected(connecting.connect(runtime, wanted, ask), settings)


@app.callback()
def every(context: typer.Context) -> None:
    """Every connection: where it leads, and how it was last found."""
    if not context.invoked_subcommand:
        _list(context)


@app.command("list")
def list_(context: typer.Context) -> None:
    """Every connection: where it leads, and how it was last found."""
    _list(context)


@app.command("test")
def try_out(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[CONNECTION]...", help="Or all of them.")
    ] = None,
) -> None:
    """Ask the platforms whether credentials, rights and terms are in order."""
    from audsync.services.connections import listing as service

    tried = service.test(runtime_of(context), names or ())
    show_connections.listed(tried.connections, globals_of(context))
    raise typer.Exit(worst(tried.exit_codes))


@app.command()
def rotate(
    context: typer.Context,
    name: ConnectionName,
    credentials_file: File = None,
    credentials_stdin: Stdin = False,
) -> None:
    """Test new secrets on the platform, then put them in the place of the saved ones."""
    from audsync.services.connections import connecting

    runtime, settings = runtime_of(context), globals_of(context)
    ask = secrets_from(runtime, settings, file=credentials_file, is_stdin=credentials_stdin)
    show_connections.connected(connecting.rotate(runtime, name, ask), settings)


@app.command()
def remove(
    context: typer.Context,
    name: ConnectionName,
    yes: Yes = False,
    force: Annotated[
        bool, typer.Option("--force", help="Even if audiences need it; does not ask.")
    ] = False,
) -> None:
    """Forget a saved connection and its secrets."""
    from audsync.services.connections import listing as service

    runtime = runtime_of(context)
    is_sure = yes or force
    if not (service.needed_by(runtime, name) or is_sure):
        confirm(context, f"Forget connection {name} and its credentials?", is_sure=False)
    show_connections.removed(service.remove(runtime, name, is_sure=is_sure), globals_of(context))


def _list(context: typer.Context) -> None:
    from audsync.services.connections import listing as service

    show_connections.listed(service.listed(runtime_of(context)), globals_of(context))


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise UsageError("--option is written KEY=VALUE, such as --option retention_days=180.")
    return key, value
