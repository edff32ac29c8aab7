"""Snapchat in memory: finds what a call is about, checks it in a fixed order, passes it on."""

from collections.abc import Callable, Mapping
from typing import Any

from audsync.sandbox.contract import Answer, Call, Remote, Report
from audsync.sandbox.people import People
from audsync.sandbox.snapchat import envelope, errors, objects, uploads
from audsync.sandbox.snapchat.envelope import Envelopes
from audsync.sandbox.snapchat.rates import Rates
from audsync.sandbox.snapchat.request import Book, Request, document, segment_ids
from audsync.sandbox.snapchat.segments import Segment
from audsync.sandbox.snapchat.settings import GUIDE, SCOPE, AdAccount, RefreshToken, Settings
from audsync.sandbox.snapchat.tokens import TOKEN_PATH, Tokens
from audsync.sandbox.snapchat.values import CODES, key_of, readable

_Route = tuple[str, str]
"""The collection that a path names, and the edge of its entity."""

_ACCOUNT_CALLS: Mapping[_Route, Mapping[str, Callable[[Request], Answer]]] = {
    ("adaccounts", ""): {"GET": objects.read_account},
    ("adaccounts", "segments"): {
        "GET": objects.list_all,
        "POST": objects.create,
        "PUT": objects.update,
    },
}
_SEGMENT_CALLS: Mapping[_Route, Mapping[str, Callable[[Request, Segment], Answer]]] = {
    ("segments", ""): {"GET": objects.read, "DELETE": objects.delete},
    ("segments", "users"): {"POST": uploads.add, "DELETE": uploads.remove},
    ("segments", "all_users"): {"DELETE": uploads.empty},
}
_METHODS: Mapping[_Route, frozenset[str]] = {
    ("me", ""): frozenset({"GET"}),
    **{route: frozenset(calls) for route, calls in _ACCOUNT_CALLS.items()},
    **{route: frozenset(calls) for route, calls in _SEGMENT_CALLS.items()},
}
_GENERIC_CODES = {1: "", 2: "E4001"}
"""What the codes that faults have unless told otherwise (invalid, server) are here."""


class SnapchatSandbox:
    """Ad accounts, tokens and segments, as `Simulated` wants them."""

    guide = GUIDE

    def __init__(self, report: Report) -> None:
        self._report = report
        self._settings = Settings()
        self._books: dict[str, Book] = {}
        # One for all accounts: who is who is the platform's knowledge, not an upload's.
        self._people = People(matching=CODES)
        self._ids = segment_ids()
        self._envelopes = Envelopes(self._settings)
        self._tokens = Tokens()
        self._rates = Rates()

    def answer(self, call: Call, now: float) -> Answer:
        if call.path == TOKEN_PATH:
            return self._tokens.answer(call, self._settings, now)
        try:
            return self._answer(call, now)
        except errors.UnauthorisedError as refused:
            return envelope.unauthorised(refused)
        except errors.ThrottledError as refused:
            return envelope.throttled(refused)
        except errors.RefusedError as refused:
            return self._envelopes.refused(refused)

    def throttled(self, now: float, *, wait_min: int) -> Answer:
        del now, wait_min  # the platform does not tell how long
        return envelope.throttled(errors.ThrottledError())

    def not_ready(self) -> Answer:
        return self._envelopes.refused(self._missing("users"))

    def refusal(self, *, status: int, code: int, subcode: int | None) -> Answer:
        del subcode  # the platform has none
        if status == 401:  # noqa: PLR2004 - it has a form of its own
            return envelope.unauthorised(errors.UnauthorisedError("The access token expired"))
        refused = errors.RefusedError(
            "Simulated error",
            code=_GENERIC_CODES.get(code, f"E{code:04d}"),
            status=status,
            # What the call was about is not known here: always the list of the recorded answers.
            inside="segments" if status == 200 else "",  # noqa: PLR2004 - shape B
        )
        return self._envelopes.refused(refused)

    def remotes(self, now: float, *, with_persons: bool) -> list[Remote]:
        segments = [each for book in self._books.values() for each in book.segments.values()]
        return [
            self._remote(segment, now, with_persons=with_persons)
            for segment in sorted(segments, key=lambda segment: int(segment.id))
        ]

    def settings(self) -> dict[str, Any]:
        return self._settings.model_dump(mode="json")

    def configure(self, changes: Mapping[str, Any]) -> None:
        self._settings = self._settings.changed(changes)
        self._envelopes.settings = self._settings
        if "refresh_tokens" in changes:
            self._tokens.forget_rotation()
        for person in self._settings.people:
            if person:
                self._people.tie([key_of(schema, digest) for schema, digest in person])

    def _answer(self, call: Call, now: float) -> Answer:
        """Token, rates, path and method, body, ad account, segment, and then the ask itself."""
        caller = self._tokens.caller(call, self._settings, now)
        self._rates.spend(
            now,
            token=caller.token,
            client_id=caller.grant.client_id,
            settings=self._settings,
        )
        route, entity = _route(call)
        has_body = call.method in ("POST", "PUT") or (call.method, route[1]) == ("DELETE", "users")
        body = document(call, self._settings) if has_body else {}
        if SCOPE not in caller.grant.scopes:
            raise errors.no_role()
        if route[0] == "me":
            return self._me(caller.grant)
        segment = self._found(route, call.method, entity)
        account = self._account(entity if segment is None else segment.account_id, caller.grant)
        request = Request(
            call=call,
            document=body,
            settings=self._settings,
            account=account,
            book=self._books.setdefault(account.id, Book()),
            people=self._people,
            now=now,
            ids=self._ids,
            envelopes=self._envelopes,
            report=self._report,
        )
        if segment is None:
            return _ACCOUNT_CALLS[route][call.method](request)
        segment.catch_up(now, self._settings)
        self._check_ready(segment, route)
        return _SEGMENT_CALLS[route][call.method](request, segment)

    def _found(self, route: _Route, method: str, entity: str) -> Segment | None:
        """The segment of a path; None for paths that name an ad account."""
        if route not in _SEGMENT_CALLS:
            return None
        for book in self._books.values():
            if entity in book.segments:
                return book.segments[entity]
        if (method, route[1]) == ("DELETE", ""):
            raise errors.not_found(inside="segments")
        raise self._missing("users" if route[1] == "users" else "segments")

    def _missing(self, inside: str) -> errors.RefusedError:
        """How a segment that is not there is told, which the vendor leaves open."""
        choice = self._settings.missing_segment
        if choice == "in_200":
            return errors.not_found(inside=inside)
        return errors.not_found(status=int(choice))

    def _account(self, account_id: str, grant: RefreshToken) -> AdAccount:
        known = {account.id: account for account in self._settings.accounts}
        account = known.get(account_id)
        if account is None:
            raise errors.not_found()
        if not account.has_role or (
            grant.accounts is not None and account_id not in grant.accounts
        ):
            raise errors.no_role()
        return account

    def _check_ready(self, segment: Segment, route: _Route) -> None:
        if route[1] and segment.unready_calls > 0:
            segment.unready_calls -= 1
            raise self._missing("users")

    def _me(self, grant: RefreshToken) -> Answer:
        me = {
            "id": "2f8c0c57-9a34-4be5-9d0e-1c6d7a5b4e21",
            "display_name": "audsync sandbox",
            "organization_id": self._settings.accounts[0].organization_id,
            "client_id": grant.client_id,
        }
        return self._envelopes.reply({"me": me, "members": []}, action="me")

    def _remote(self, segment: Segment, now: float, *, with_persons: bool) -> Remote:
        segment.catch_up(now, self._settings)
        facts = segment.as_json(now, self._settings)
        facts["matched"] = segment.members.matched()
        return Remote(
            id=segment.id,
            name=segment.name,
            account=segment.account_id,
            identifiers=frozenset(map(readable, segment.members.identifiers)),
            persons=segment.people() if with_persons else frozenset(),
            person_count=len(segment.members.persons),
            facts=facts,
        )


def _route(call: Call) -> tuple[_Route, str]:
    """What a path asks for, and the id in it.

    Raises:
        RefusedError: no such path, no such method for it, or an answer other than JSON is wanted.
    """
    version, *names = [name for name in call.path.split("/") if name] or [""]
    collection, entity, edge, *deeper = [*names, "", "", ""]
    route = (collection, edge)
    is_known = route in _METHODS and bool(entity) == (collection != "me")
    if version != "v1" or any(deeper) or not is_known:
        raise errors.invalid("No such path", status=404)
    if call.method not in _METHODS[route]:
        raise errors.invalid("The method is not allowed for this path", status=405)
    accepted = call.headers.get("accept", "*/*").lower()
    if not any(each in accepted for each in ("application/json", "application/*", "*/*")):
        raise errors.invalid("Only application/json can be answered", status=406)
    return route, entity
