"""Meta in memory: finds what a call is about, checks it in Meta's order, passes it on."""

from collections.abc import Callable, Mapping
from dataclasses import replace as changed
from itertools import count
from typing import Any

import orjson

from audsync.sandbox.contract import Answer, Call, Remote, Report
from audsync.sandbox.meta import access, errors, objects, params, uploads
from audsync.sandbox.meta.access import Path
from audsync.sandbox.meta.audiences import Audience
from audsync.sandbox.meta.budget import allowed_calls, usage_header
from audsync.sandbox.meta.columns import readable
from audsync.sandbox.meta.request import JSON_HEADERS, Book, Request, audience_ids, reply
from audsync.sandbox.meta.settings import GUIDE, AdAccount, Settings, Token

_ACCOUNT_CALLS: Mapping[tuple[str, str], Callable[[Request], Answer]] = {
    ("GET", ""): objects.read_account,
    ("GET", "customaudiences"): objects.list_all,
    ("POST", "customaudiences"): objects.create,
    ("DELETE", "usersofanyaudience"): uploads.erase,
}
_AUDIENCE_CALLS: Mapping[tuple[str, str], Callable[[Request, Audience], Answer]] = {
    ("GET", ""): objects.read,
    ("POST", ""): objects.update,
    ("DELETE", ""): objects.delete,
    ("GET", "sessions"): uploads.list_sessions,
    ("POST", "users"): uploads.add,
    ("DELETE", "users"): uploads.remove,
    ("POST", "usersreplace"): uploads.replace,
}
_MEMBER_EDGES = frozenset({"users", "usersreplace"})


class MetaSandbox:
    """Ad accounts, tokens and audiences, as `Simulated` wants them."""

    guide = GUIDE

    def __init__(self, report: Report) -> None:
        self._report = report
        self._settings = Settings()
        self._books: dict[str, Book] = {}
        self._ids = audience_ids()
        self._traces = count(1)

    def answer(self, call: Call, now: float) -> Answer:
        if len(call.target) > self._settings.max_url_bytes:
            return Answer(status=414, body=b"URI Too Long", headers={"Content-Type": "text/html"})
        try:
            return self._answer(call, now)
        except errors.RefusedError as refused:
            return self._refused(refused)

    def throttled(self, now: float, *, wait_min: int) -> Answer:
        del now
        settings = self._settings
        header = usage_header(
            settings.accounts[0].id, percent=100, wait_min=wait_min, tier=settings.tier
        )
        answer = self._refused(errors.too_many_calls())
        return changed(answer, headers={**answer.headers, **header})

    def not_ready(self) -> Answer:
        return self._refused(errors.not_ready())

    def refusal(self, *, status: int, code: int, subcode: int | None) -> Answer:
        is_transient = {"is_transient": code in (1, 2, 4, 17, 32, 613, 80003)}
        message = f"(#{code}) Simulated error"
        return self._refused(
            errors.RefusedError(code, message, subcode=subcode, status=status, extra=is_transient)
        )

    def remotes(self, now: float, *, with_persons: bool) -> list[Remote]:
        audiences = [a for book in self._books.values() for a in book.audiences.values()]
        return [
            self._remote(audience, now, with_persons=with_persons)
            for audience in sorted(audiences, key=lambda audience: int(audience.id))
        ]

    def settings(self) -> dict[str, Any]:
        return self._settings.model_dump(mode="json")

    def configure(self, changes: Mapping[str, Any]) -> None:
        self._settings = self._settings.changed(changes)

    def _answer(self, call: Call, now: float) -> Answer:
        """Version, token, proof, then the object, its account's terms and budget, then the ask."""
        path = access.path_of(call, self._settings)
        given = params.read(call)
        method = params.method(call, given)
        if (method, path.node, path.edge) == ("GET", "oauth", "access_token"):
            return self._trade(given, now)
        token = access.token_of(call, given, self._settings, now)
        if (method, path.node, path.edge) == ("GET", "debug_token", ""):
            return reply(access.debug_token(given, self._settings, now), action="debug_token")
        access.check_scope(token, is_write=method != "GET")
        account, audience = self._found(token, path, method)
        request = self._request(call, given, account, now)
        _check_terms(request, method, path, audience)
        return self._within_budget(request, method, path, audience)

    def _trade(self, given: Mapping[str, Any], now: float) -> Answer:
        """A token for a token; the old one stays good."""
        known = self._settings.tokens
        token, told = access.traded(given, self._settings, now, number=len(known))
        self._settings = self._settings.model_copy(update={"tokens": (*known, token)})
        return reply(told, action="trade_token")

    def _found(self, token: Token, path: Path, method: str) -> tuple[AdAccount, Audience | None]:
        """The ad account that a path is about, and the audience if it names one."""
        if path.node.startswith("act_"):
            account = access.visible(token, path.node.removeprefix("act_"), self._settings)
            if account is not None:
                return account, None
        for account_id, book in self._books.items():
            account = access.visible(token, account_id, self._settings)
            if account is not None and path.node in book.audiences:
                return account, book.audiences[path.node]
        raise errors.not_visible(method, path.node)

    def _request(
        self, call: Call, given: Mapping[str, Any], account: AdAccount, now: float
    ) -> Request:
        return Request(
            params=given,
            query=call.query,
            url=f"{call.base_url}{call.path}",
            settings=self._settings,
            account=account,
            book=self._books.setdefault(account.id, Book()),
            now=now,
            ids=self._ids,
            report=self._report,
        )

    def _within_budget(
        self, request: Request, method: str, path: Path, audience: Audience | None
    ) -> Answer:
        """Pass the call on, if the hour's budget allows; tell the usage in any case."""
        book, settings = request.book, self._settings
        allowed = allowed_calls(settings, audiences=len(book.audiences))
        try:
            if not book.budget.spend(request.now, allowed=allowed):
                raise errors.too_many_calls()
            answer = _handled(request, method, path, audience)
        except errors.RefusedError as refused:
            answer = self._refused(refused)
        header = usage_header(
            request.account.id,
            percent=book.budget.percent(allowed=allowed),
            wait_min=book.budget.wait_min(request.now, allowed=allowed),
            tier=settings.tier,
        )
        return changed(answer, headers={**answer.headers, **header})

    def _refused(self, refused: errors.RefusedError) -> Answer:
        body = refused.body(f"SIM{next(self._traces)}")
        return Answer(status=refused.status, body=orjson.dumps(body), headers=JSON_HEADERS)

    def _remote(self, audience: Audience, now: float, *, with_persons: bool) -> Remote:
        audience.catch_up(now, self._settings)
        running = audience.replace
        facts = audience.read(now, self._settings)
        facts["replace"] = None if running is None else running.session.as_json(now)
        facts["matched"] = audience.members.matched()
        return Remote(
            id=audience.id,
            name=audience.name,
            account=audience.account_id,
            identifiers=frozenset(map(readable, audience.members.identifiers)),
            persons=audience.people() if with_persons else frozenset(),
            person_count=len(audience.members.persons),
            facts=facts,
        )


def _check_terms(request: Request, method: str, path: Path, audience: Audience | None) -> None:
    """Terms, and the rights of the account, for calls that make or fill an audience."""
    account = request.account
    if audience is not None:
        if path.edge in _MEMBER_EDGES and not account.terms_accepted:
            raise errors.terms_for_users(audience.id)
        return
    if (method, path.edge) != ("POST", "customaudiences"):
        return
    if not account.has_business:
        raise errors.no_business()
    if not account.can_write:
        raise errors.no_write_right()
    if not account.terms_accepted:
        raise errors.terms_for_create(account.id)


def _handled(request: Request, method: str, path: Path, audience: Audience | None) -> Answer:
    if audience is None:
        account_call = _ACCOUNT_CALLS.get((method, path.edge))
        if account_call is None:
            raise errors.unknown_path(f"/{path.edge}")
        return account_call(request)
    audience.catch_up(request.now, request.settings)
    if path.edge and audience.unready_calls > 0:
        audience.unready_calls -= 1
        raise errors.not_ready()
    audience_call = _AUDIENCE_CALLS.get((method, path.edge))
    if audience_call is None:
        raise errors.unknown_path(f"/{path.edge}")
    return audience_call(request, audience)
