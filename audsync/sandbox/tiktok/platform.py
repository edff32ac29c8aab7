"""TikTok in memory: checks a call in TikTok's order, passes it on, wraps the answer."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any

import orjson

from audsync.sandbox.contract import Answer, Call, Remote, Report
from audsync.sandbox.tiktok import access, endpoints, errors, fields
from audsync.sandbox.tiktok.audiences import Audience
from audsync.sandbox.tiktok.digests import readable
from audsync.sandbox.tiktok.limits import Limits
from audsync.sandbox.tiktok.request import Reply, Request, Store
from audsync.sandbox.tiktok.settings import GUIDE, Settings


class TikTokSandbox:
    """An app, its tokens, advertisers and audiences, as `Simulated` wants them."""

    guide = GUIDE

    def __init__(self, report: Report) -> None:
        self._report = report
        self._settings = Settings()
        self._store = Store()
        self._limits = Limits()
        self._numbers = count(0xA1B2C3D4E5F60718)
        self._now = 0.0

    def answer(self, call: Call, now: float) -> Answer:
        self._now = now
        try:
            reply = self._reply(call, now)
        except errors.NotServedError as refused:
            headers = {"Content-Type": "text/plain; charset=utf-8"}
            return Answer(status=refused.status, body=str(refused).encode(), headers=headers)
        except errors.RefusedError as refused:
            return self._refused(refused)
        return self._answer(0, "OK", reply)

    def throttled(self, now: float, *, wait_min: int) -> Answer:
        del wait_min  # TikTok tells nobody how long to wait.
        self._now = now
        return self._refused(errors.too_many_calls())

    def not_ready(self) -> Answer:
        return self._refused(errors.not_editable())

    def refusal(self, *, status: int, code: int, subcode: int | None) -> Answer:
        del subcode  # TikTok has none.
        return self._refused(errors.of_code(code), status=status)

    def remotes(self, now: float, *, with_persons: bool) -> list[Remote]:
        self._catch_up(now)
        audiences = sorted(self._store.audiences.values(), key=lambda each: int(each.id))
        return [self._remote(each, now, with_persons=with_persons) for each in audiences]

    def settings(self) -> dict[str, Any]:
        return self._settings.model_dump(mode="json")

    def configure(self, changes: Mapping[str, Any]) -> None:
        self._settings = self._settings.changed(changes)

    def _reply(self, call: Call, now: float) -> Reply:
        settings = self._settings
        endpoint = endpoints.find(call)
        token = access.token_of(call, settings)
        access.check_scope(token, endpoint.scope)
        self._limits.let_in(now, settings)
        params = endpoints.params(call, endpoint)
        advertisers = endpoint.advertisers(params, token, settings)
        self._limits.let_in_for((each.id for each in advertisers), now, settings)
        if settings.is_strict:
            fields.only(params, endpoint.fields)
        self._catch_up(now)
        return endpoint.handler(
            Request(
                params=params,
                settings=settings,
                token=token,
                advertisers=advertisers,
                store=self._store,
                now=now,
                report=self._report,
            )
        )

    def _catch_up(self, now: float) -> None:
        for audience in self._store.audiences.values():
            audience.catch_up(now, self._settings)

    def _refused(self, refused: errors.RefusedError, *, status: int = 200) -> Answer:
        return self._answer(refused.code, str(refused), Reply(action=""), status=status)

    def _answer(self, code: int, message: str, reply: Reply, *, status: int = 200) -> Answer:
        """The envelope around every answer."""
        moment = datetime.fromtimestamp(self._now, UTC).strftime("%Y%m%d%H%M%S")
        request_id = f"{moment}{next(self._numbers):016X}"
        envelope = {
            "code": code,
            "message": message,
            "request_id": request_id,
            "data": dict(reply.data),
        }
        headers = {"Content-Type": "application/json", "X-TT-LOGID": request_id}
        return Answer(
            status=status,
            body=orjson.dumps(envelope),
            headers=headers,
            action=reply.action,
            rows=reply.rows,
            effect=reply.effect,
        )

    def _remote(self, audience: Audience, now: float, *, with_persons: bool) -> Remote:
        facts = audience.read(now, self._settings, kind_field="type")
        facts["matched"] = audience.members.matched()
        facts["is_editable"] = audience.is_editable(now, self._settings)
        facts["waiting"] = [{"action": job.action, "due_at": job.due_at} for job in audience.jobs]
        return Remote(
            id=audience.id,
            name=audience.name,
            account=audience.owner_id,
            identifiers=frozenset(map(readable, audience.members.identifiers)),
            persons=audience.people() if with_persons else frozenset(),
            person_count=len(audience.members.persons),
            facts=facts,
        )
