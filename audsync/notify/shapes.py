"""The body that a webhook takes, by its host. Pure.

Chats refuse bodies that are not theirs, so their hosts are known here; every other host gets the
whole event as docs/notifications.md describes it.
"""

from collections.abc import Callable
from typing import Any

from audsync.notify.message import Message

MAX_DISCORD_CHARS = 2000
"""https://docs.discord.com/developers/resources/webhook#execute-webhook, read 2026-11-22."""

Json = dict[str, Any]


def body_for(host: str, message: Message) -> Json:
    """The JSON to post."""
    shape = next((each for ending, each in _SHAPES.items() if _is_at(host, ending)), None)
    return shape(message) if shape is not None else message.body


def _is_at(host: str, ending: str) -> bool:
    return host == ending or host.endswith(f".{ending}")


def _slack(message: Message) -> Json:
    # Only these three are control characters of its markup, and `<!channel>` would wake everybody
    # (https://api.slack.com/reference/surfaces/formatting#escaping, read 2026-11-22).
    text = message.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": text}


def _plain(message: Message) -> Json:
    return {"text": message.text}


def _discord(message: Message) -> Json:
    return {"content": message.text[:MAX_DISCORD_CHARS], "allowed_mentions": {"parse": []}}


def _teams(message: Message) -> Json:
    # An adaptive card (https://adaptivecards.io) in a message: webhooks and workflows take it both.
    blocks = [
        {"type": "TextBlock", "text": message.title, "weight": "bolder", "wrap": True},
        {"type": "TextBlock", "text": message.text, "wrap": True},
    ]
    card = {"type": "AdaptiveCard", "version": "1.4", "body": blocks}
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}


_SHAPES: dict[str, Callable[[Message], Json]] = {
    "hooks.slack.com": _slack,
    "hooks.slack-gov.com": _slack,
    "discord.com": _discord,
    "discordapp.com": _discord,
    "chat.googleapis.com": _plain,
    "webhook.office.com": _teams,
    "logic.azure.com": _teams,
    "api.powerplatform.com": _teams,
}
