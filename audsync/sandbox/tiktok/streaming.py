"""The streaming path: audiences made empty, members mapped to them a call at a time.

Source: `/segment/audience/` and `/segment/mapping/` as vendor copies and client libraries tell
them, read 2026-11-22.
"""

from collections.abc import Mapping

from audsync.sandbox.members import Row
from audsync.sandbox.tiktok import errors, fields, slots
from audsync.sandbox.tiktok.audiences import Audience, Job
from audsync.sandbox.tiktok.datafile import MULTIPLE
from audsync.sandbox.tiktok.digests import Kind, device_hashes
from audsync.sandbox.tiktok.request import Reply, Request

AUDIENCE_FIELDS = ("advertiser_id", "action", "custom_audience_name", "delete_audience_id")
MAPPING_FIELDS = ("advertiser_ids", "action", "id_schema", "batch_data")
_KEPT_NAME, _CUT_NAME = 70, 67
_HOUR_S = 3_600


def audience(request: Request) -> Reply:
    """`POST /segment/audience/`."""
    _check_allowed(request)
    params = request.params
    action = fields.choice(params, "action", allowed=("create", "delete"), default="create")
    return _create(request) if action == "create" else _delete(request)


def mapping(request: Request) -> Reply:
    """`POST /segment/mapping/`."""
    _check_allowed(request)
    params, settings = request.params, request.settings
    action = fields.choice(params, "action", allowed=("add", "delete"), default="add")
    kinds = slots.schema(fields.texts(params, "id_schema"))
    given = slots.read(
        params.get("batch_data"),
        width=len(kinds),
        too_many_rows_code=settings.too_many_rows_code,
    )
    columns, refusal = slots.keys(given, kinds)
    named = sorted(given.audience_ids())
    for (leak, column), cells in slots.leaks(columns, kinds).items():
        request.note(leak, audience=",".join(named[:3]), column=column, cells=cells)
    if refusal is not None:
        raise refusal
    audiences = {audience_id: _mappable(request, audience_id) for audience_id in named}
    rows = slots.rows_by_audience(given, columns)

    def effect() -> None:
        for audience_id, target in audiences.items():
            _map(request, target, action=action, kinds=kinds, rows=rows[audience_id])

    return Reply(action=action, rows=len(given.cells[0]), effect=effect)


def check_room(request: Request) -> None:
    """Whether the advertiser may have one more audience.

    Raises:
        RefusedError: it may not.
    """
    most = request.settings.max_audiences
    if len(request.store.of_advertiser(request.advertiser.id)) >= most:
        raise errors.audience_limit(most)


def _create(request: Request) -> Reply:
    name = fields.text(request.params, "custom_audience_name")
    check_room(request)
    made = Audience(
        id=str(next(request.store.audience_ids)),
        owner_id=request.advertiser.id,
        name=name if len(name) <= _KEPT_NAME else f"{name[:_CUT_NAME]}...",
        is_streaming=True,
        calculate_type=MULTIPLE,
        created_at=request.now,
        edited_at=request.now,
        known=request.store.people[request.advertiser.id],
    )

    def effect() -> None:
        request.store.audiences[made.id] = made

    return Reply(data={"audience_id": made.id}, action="create", effect=effect)


def _delete(request: Request) -> Reply:
    target = request.audience(fields.text(request.params, "delete_audience_id"))
    if not target.is_streaming and not request.settings.allows_cross_delete:
        raise errors.made_on_other_path("delete_audience_id")

    def effect() -> None:
        forget(request, target)

    return Reply(action="delete", effect=effect)


def forget(request: Request, target: Audience) -> None:
    """Let an audience be gone; a second time does nothing."""
    if request.store.audiences.pop(target.id, None) is not None:
        target.members.forget()


def _check_allowed(request: Request) -> None:
    if not request.settings.may_stream:
        raise errors.not_allowed_to_stream()


def _mappable(request: Request, audience_id: str) -> Audience:
    target = request.audience(audience_id)
    if not target.is_streaming:
        raise errors.audience_unknown()
    if not target.is_editable(request.now, request.settings):
        raise errors.not_editable()
    return target


def _map(
    request: Request, target: Audience, *, action: str, kinds: tuple[Kind, ...], rows: list[Row]
) -> None:
    due_at = request.now + request.settings.mapping_delay_h * _HOUR_S
    job = Job(action=action, rows=(rows,), due_at=due_at)
    _note_mixed_hashes(request, target, kinds)
    _note_opposites(request, target, job)
    target.accept(job, request.now, request.settings)


def _note_mixed_hashes(request: Request, target: Audience, kinds: tuple[Kind, ...]) -> None:
    """TikTok warns of device ids that are hashed in more than one way in one audience."""
    hashes = target.device_hashes | device_hashes(kinds)
    if len(hashes) > 1 and hashes != target.device_hashes:
        request.note("mixed_device_hashes", audience=target.id, column="id_schema", cells=1)
    target.device_hashes = hashes


def _note_opposites(request: Request, target: Audience, job: Job) -> None:
    """Nobody says in which order TikTok works off calls that it has accepted."""
    against: Mapping[str, str] = {"add": "delete", "delete": "add"}
    waiting = [other for other in target.jobs if other.action == against[job.action]]
    if not waiting:
        return
    both = job.keys() & set().union(*(other.keys() for other in waiting))
    if both:
        request.note("opposites_in_flight", audience=target.id, column="", cells=len(both))
