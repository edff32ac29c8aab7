"""Tokens that lie in this process: asked for once, whoever uses them."""

from audsync.connectors.oauth import Bearer, Granted, OwnShelf, Token
from tests.databases import SetClock

LASTS_S = 3600.0


class Platform:
    """Gives tokens, and another refresh token with each."""

    def __init__(self) -> None:
        self.asked_with: list[str | None] = []

    def fetch(self, refresh_token: str | None) -> Granted:
        self.asked_with.append(refresh_token)
        number = len(self.asked_with)
        token = Token(value=f"token-{number}", lasts_s=LASTS_S)
        return Granted(token=token, refresh_token=f"refresh-{number}")


def lanes(platform: Platform, clock: SetClock, count: int = 4) -> list[Bearer]:
    shelf = OwnShelf(clock)
    return [Bearer(platform.fetch, clock=clock, shelf=shelf) for _ in range(count)]


def test_lanes_ask_for_one_token_together() -> None:
    platform, clock = Platform(), SetClock()
    assert {lane.token() for lane in lanes(platform, clock)} == {"token-1"}
    assert platform.asked_with == [None]


def test_a_token_that_was_refused_is_renewed_once_with_what_came_with_it() -> None:
    platform, clock = Platform(), SetClock()
    every = lanes(platform, clock)
    refused = [lane.token() for lane in every]
    renewed = {lane.renewed(old) for lane, old in zip(every, refused, strict=True)}
    assert renewed == {"token-2"}
    assert platform.asked_with == [None, "refresh-1"]


def test_a_token_is_renewed_before_its_end_whenever_a_lane_took_it() -> None:
    platform, clock = Platform(), SetClock()
    first, second, *_ = lanes(platform, clock)
    first.token()
    clock.advance(LASTS_S / 2)
    assert second.token() == "token-1"
    clock.advance(LASTS_S / 2)
    assert (first.token(), second.token()) == ("token-2", "token-2")
    assert platform.asked_with == [None, "refresh-1"]
