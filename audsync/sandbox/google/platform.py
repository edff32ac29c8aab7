"""Google in memory: finds what a call is about, checks it in Google's order, passes it on."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from audsync.sandbox.contract import Answer, Call, Remote, Report
from audsync.sandbox.google import access, consent, errors, objects, statuses, uploads
from audsync.sandbox.google.identifiers import readable
from audsync.sandbox.google.lists import UserList
from audsync.sandbox.google.quotas import Bucket, Quotas, limit_name
from audsync.sandbox.google.request import JSON_HEADERS, Request, Shelf
from audsync.sandbox.google.settings import GUIDE, AdsAccount, Settings
from audsync.sandbox.google.tokens import Tokens
from audsync.sandbox.google.wire import ACCOUNT_TYPE

_RESOURCE = re.compile(r"/v1/accountTypes/([^/]+)/accounts/([^/]+)/userLists(?:/([^/]+))?")
_LOGIN = re.compile(r"accountTypes/([^/]+)/accounts/([0-9]+)")
_MEMBER_CALLS: Mapping[tuple[str, str], tuple[Bucket, Callable[[Request], Answer]]] = {
    ("POST", "/v1/audienceMembers:ingest"): (Bucket.INGESTION_MUTATE, uploads.ingest),
    ("POST", "/v1/audienceMembers:remove"): (Bucket.INGESTION_MUTATE, uploads.remove),
    ("POST", "/v1/audienceMembers:removeAll"): (Bucket.INGESTION_MUTATE, uploads.remove_all),
    ("GET", "/v1/requestStatus:retrieve"): (Bucket.INGESTION_READ, statuses.retrieve),
}
_ACCOUNT_CALLS: Mapping[str, tuple[Bucket, Callable[[Request, AdsAccount], Answer]]] = {
    "GET": (Bucket.MANAGEMENT_READ, objects.list_all),
    "POST": (Bucket.MANAGEMENT_MUTATE, objects.create),
}
_LIST_CALLS: Mapping[str, tuple[Bucket, Callable[[Request, UserList], Answer]]] = {
    "GET": (Bucket.MANAGEMENT_READ, objects.read),
    "PATCH": (Bucket.MANAGEMENT_MUTATE, objects.update),
    "DELETE": (Bucket.MANAGEMENT_MUTATE, objects.delete),
}
_NO_PAGE = b"<!DOCTYPE html><html lang=en><title>Error 404 (Not Found)!!1</title></html>"
_DAILY_WAIT_MIN = 60


class GoogleSandbox:
    """Ads accounts, tokens and user lists, as `Simulated` wants them."""

    guide = GUIDE

    def __init__(self, report: Report) -> None:
        self._report = report
        self._settings = Settings()
        self._shelf = Shelf()
        self._tokens = Tokens()
        self._quotas = Quotas()

    def answer(self, call: Call, now: float) -> Answer:
        self._shelf.catch_up(now, self._settings)
        if call.path == "/token" and call.method == "POST":
            return self._tokens.answer(call, self._settings, now)
        if call.path == "/tokeninfo" and call.method == "GET":
            return self._tokens.info(call, now)
        try:
            return self._answer(call, now)
        except errors.RefusedError as refused:
            return _refused(refused)

    def throttled(self, now: float, *, wait_min: int) -> Answer:
        del now
        is_daily = wait_min > _DAILY_WAIT_MIN
        name = limit_name(Bucket.INGESTION_MUTATE, is_daily=is_daily)
        return _refused(errors.quota_exceeded(name))

    def not_ready(self) -> Answer:
        path = "destinations.destinations[0].product_destination_id"
        return _refused(errors.one(path, "INVALID_USER_LIST_ID", "User list is not valid."))

    def refusal(self, *, status: int, code: int, subcode: int | None) -> Answer:
        del subcode
        return replace(_refused(errors.simulated(status, code)), status=status)

    def remotes(self, now: float, *, with_persons: bool) -> list[Remote]:
        self._shelf.catch_up(now, self._settings)
        lists = [each for book in self._shelf.books.values() for each in book.lists.values()]
        return [
            self._remote(each, with_persons=with_persons)
            for each in sorted(lists, key=lambda each: int(each.id))
        ]

    def settings(self) -> dict[str, Any]:
        return self._settings.model_dump(mode="json")

    def configure(self, changes: Mapping[str, Any]) -> None:
        self._settings = self._settings.changed(changes)
        if "outcomes" in changes:
            self._shelf.since_outcomes.clear()

    def _answer(self, call: Call, now: float) -> Answer:
        """Token and scope, the quota, the account, then the ask."""
        settings = self._settings
        principal = access.principal_of(call, self._tokens, settings, now)
        access.note_retired_headers(call.headers, self._report, now)
        request = Request(
            call=call,
            principal=principal,
            settings=settings,
            shelf=self._shelf,
            now=now,
            report=self._report,
        )
        member_call = _MEMBER_CALLS.get((call.method, call.path))
        if member_call is not None:
            bucket, handle = member_call
            self._quotas.spend(bucket, settings, now)
            return handle(request)
        resource = _RESOURCE.fullmatch(call.path)
        if resource is None:
            return _no_page()
        if resource[3] is None:
            return self._account_call(request, resource)
        return self._list_call(request, resource)

    def _account_call(self, request: Request, resource: re.Match[str]) -> Answer:
        known = _ACCOUNT_CALLS.get(request.call.method)
        if known is None:
            return _no_page()
        bucket, handle = known
        self._quotas.spend(bucket, request.settings, request.now)
        return handle(request, _account(request, resource))

    def _list_call(self, request: Request, resource: re.Match[str]) -> Answer:
        known = _LIST_CALLS.get(request.call.method)
        if known is None:
            return _no_page()
        bucket, handle = known
        self._quotas.spend(bucket, request.settings, request.now)
        account = _account(request, resource)
        user_list = request.shelf.book(account.id).lists.get(resource[3])
        if user_list is None:
            is_secret = request.settings.missing_list == "PERMISSION_DENIED"
            raise errors.no_permission() if is_secret else errors.not_found()
        return handle(request, user_list)

    def _remote(self, user_list: UserList, *, with_persons: bool) -> Remote:
        facts = user_list.as_json(self._settings)
        facts["resource_name"] = facts.pop("name")
        del facts["id"]
        facts["in_flight"] = len(user_list.flight)
        facts["matched"] = user_list.members.matched()
        facts["consents"] = consent.counts(user_list.consents.values())
        return Remote(
            id=user_list.id,
            name=user_list.display_name,
            account=user_list.account_id,
            identifiers=frozenset(map(readable, user_list.members.identifiers)),
            persons=user_list.people() if with_persons else frozenset(),
            person_count=len(user_list.members.persons),
            facts=facts,
        )


def _account(request: Request, resource: re.Match[str]) -> AdsAccount:
    """The account of a path, reached through the `login-account` header if there is one."""
    kind, operating = resource[1], resource[2]
    login = operating
    header = request.call.headers.get("login-account")
    if header is not None:
        match = _LOGIN.fullmatch(header)
        if match is None:
            raise errors.one("login-account", "INVALID_RESOURCE_NAME", "Name is invalid.")
        login = match[2]
    if kind not in ACCOUNT_TYPE.names or not operating.isdecimal():
        raise errors.one("name", "INVALID_RESOURCE_NAME", "The resource name is invalid.")
    account = access.opened(request.principal, request.settings, operating=operating, login=login)
    if kind != "GOOGLE_ADS":
        told = "The destination account type does not match the specified account id."
        raise errors.one("name", "DESTINATION_ACCOUNT_TYPE_MISMATCH", told)
    if request.call.method != "GET" and not account.is_allowlisted:
        message = "The account is not allowlisted for the given feature."
        raise errors.named("NOT_ALLOWLISTED", message)
    return account


def _refused(refused: errors.RefusedError) -> Answer:
    headers = {**JSON_HEADERS, **refused.headers}
    body = orjson.dumps(refused.body(), option=orjson.OPT_INDENT_2)
    return Answer(status=refused.status, body=body, headers=headers)


def _no_page() -> Answer:
    return Answer(status=404, body=_NO_PAGE, headers={"Content-Type": "text/html; charset=UTF-8"})
