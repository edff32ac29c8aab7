"""All simulated platforms, listed by hand: a new one adds its folder and one line."""

from audsync.sandbox.contract import Report, Simulated
from audsync.sandbox.google.platform import GoogleSandbox
from audsync.sandbox.meta.platform import MetaSandbox
from audsync.sandbox.snapchat.platform import SnapchatSandbox
from audsync.sandbox.tiktok.platform import TikTokSandbox


def build(report: Report) -> dict[str, Simulated]:
    """Each platform by the path prefix it lives under, fresh and empty."""
    return {
        "google": GoogleSandbox(report),
        "meta": MetaSandbox(report),
        "snapchat": SnapchatSandbox(report),
        "tiktok": TikTokSandbox(report),
    }
