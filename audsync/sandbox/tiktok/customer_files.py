"""The file path: upload, create, update, delete. All of it is accepted now and done hours later.

Source: SDK `yml_files/dmp_custom_audience_*.yml` and the reference pages, read 2026-11-22.
"""

import hashlib
from collections import Counter

from audsync.sandbox.tiktok import datafile, errors, fields
from audsync.sandbox.tiktok.audiences import Audience, Job
from audsync.sandbox.tiktok.datafile import MULTIPLE, Contents, DataFile
from audsync.sandbox.tiktok.digests import FILED, device_hashes
from audsync.sandbox.tiktok.multipart import Part
from audsync.sandbox.tiktok.request import Reply, Request
from audsync.sandbox.tiktok.streaming import check_room, forget

UPLOAD_FIELDS = (
    *("advertiser_id", "file", "file_signature", "calculate_type"),
    *("name", "file_name", "context_info"),
)
CREATE_FIELDS = (
    *("advertiser_id", "custom_audience_name", "file_paths", "calculate_type"),
    *("audience_sub_type", "retention_in_days", "audience_enhancement"),
)
UPDATE_FIELDS = (
    *("advertiser_id", "custom_audience_id", "file_paths", "action"),
    *("custom_audience_name", "audience_sub_type"),
)
DELETE_FIELDS = ("advertiser_id", "custom_audience_ids")

_SUFFIXES = (".csv", ".txt")
_SUB_TYPES = ("NORMAL", "REACH_FREQUENCY")
_ACTIONS = ("APPEND", "REMOVE", "REPLACE")
_MAX_NAME = 128
_MAX_FILES = 500
_PATH_CHARACTERS = 16
_MAX_RETENTION_DAYS = 365
_MAX_IDS = 100
_HOUR_S = 3_600


def upload(request: Request) -> Reply:
    """`POST /dmp/custom_audience/file/upload/`."""
    params, settings = request.params, request.settings
    part = _file(request)
    signature = fields.text(params, "file_signature")
    calculate_type = fields.text(params, "calculate_type")
    if not (part.filename or "").endswith(_SUFFIXES):
        raise errors.file_suffix_wrong()
    if not part.content:
        raise errors.file_empty()
    if len(part.content) > settings.max_file_bytes:
        raise errors.file_too_large()
    if signature.lower() != hashlib.md5(part.content, usedforsecurity=False).hexdigest():
        raise errors.signature_wrong()
    if calculate_type not in (*FILED, MULTIPLE):
        raise errors.calculate_type_wrong()
    stored = DataFile(
        advertiser_id=request.advertiser.id,
        calculate_type=datafile.same_type(calculate_type),
        contents=_contents(request, part, calculate_type),
        expires_at=request.now + settings.file_life_h * _HOUR_S,
    )
    path = request.store.next_file_path()

    def effect() -> None:
        request.store.files[path] = stored

    data = {"file_path": path}
    return Reply(data=data, action="upload", rows=len(stored.contents), effect=effect)


def create(request: Request) -> Reply:
    """`POST /dmp/custom_audience/create/`."""
    params = request.params
    name = fields.text(params, "custom_audience_name", most=_MAX_NAME)
    calculate_type = _create_type(request)
    sub_type = fields.choice(params, "audience_sub_type", allowed=_SUB_TYPES, default="NORMAL")
    days = fields.optional_number(params, "retention_in_days", most=_MAX_RETENTION_DAYS)
    fields.flag(params, "audience_enhancement")
    paths = fields.texts(params, "file_paths")
    if paths is None:
        raise errors.missing("file_paths")
    check_room(request)
    type_of_files, files = _files(request, paths)
    _check_type(calculate_type, type_of_files)
    made = Audience(
        id=str(next(request.store.audience_ids)),
        owner_id=request.advertiser.id,
        name=name,
        is_streaming=False,
        calculate_type=calculate_type,
        sub_type=sub_type,
        retention_days=days,
        created_at=request.now,
        edited_at=request.now,
        known=request.store.people[request.advertiser.id],
    )

    def effect() -> None:
        request.store.audiences[made.id] = made
        _accept(request, made, "CREATE", files)

    data = {"custom_audience_id": made.id}
    return Reply(data=data, action="create", rows=sum(map(len, files)), effect=effect)


def update(request: Request) -> Reply:
    """`POST /dmp/custom_audience/update/`."""
    params = request.params
    audience_id = fields.text(params, "custom_audience_id")
    if params.get("audience_sub_type") is not None:
        return _change_sub_type(request, _editable(request, audience_id))
    name = fields.optional_text(params, "custom_audience_name", most=_MAX_NAME)
    paths = fields.texts(params, "file_paths")
    if paths is not None:
        return _change_members(request, audience_id, paths, name)
    if name is None:
        raise errors.missing("file_paths")
    if params.get("action") is not None:
        raise errors.field("action", "Can only be used together with file_paths.")
    target = _editable(request, audience_id)

    def effect() -> None:
        target.name = name

    return Reply(action="update", effect=effect)


def delete(request: Request) -> Reply:
    """`POST /dmp/custom_audience/delete/`."""
    name = "custom_audience_ids"
    named = fields.ids(fields.texts(request.params, name), name, most=_MAX_IDS)
    targets = [request.audience(audience_id) for audience_id in dict.fromkeys(named)]
    if not request.settings.allows_cross_delete and any(each.is_streaming for each in targets):
        raise errors.made_on_other_path(name)

    def effect() -> None:
        for target in targets:
            forget(request, target)

    return Reply(action="delete", effect=effect)


def _file(request: Request) -> Part:
    part = request.params.get("file")
    if not isinstance(part, Part):
        raise errors.missing("file")
    return part


def _contents(request: Request, part: Part, calculate_type: str) -> Contents:
    leaks: datafile.Leaks = Counter()
    try:
        contents = datafile.parse(
            part.content,
            calculate_type,
            leaks,
            allows_header_line=request.settings.allows_header_line,
        )
    finally:
        for (leak, column), cells in leaks.items():
            request.note(leak, audience="", column=column, cells=cells)
    if len(device_hashes(contents.kinds)) > 1:
        request.note("mixed_device_hashes", audience="", column="file", cells=1)
    return contents


def _create_type(request: Request) -> str:
    """The type of a new audience; unlike an upload, a create does not know `MAID_*`."""
    allowed = [name for name in (*FILED, MULTIPLE) if not name.startswith("MAID_")]
    fields.text(request.params, "calculate_type")
    return fields.choice(request.params, "calculate_type", allowed=allowed, default="")


def _editable(request: Request, audience_id: str) -> Audience:
    target = request.audience(audience_id)
    if target.is_streaming:
        raise errors.made_on_other_path("custom_audience_id")
    if not target.is_editable(request.now, request.settings):
        raise errors.not_editable()
    return target


def _change_members(
    request: Request, audience_id: str, paths: list[str], name: str | None
) -> Reply:
    action = fields.choice(request.params, "action", allowed=_ACTIONS, default="REPLACE")
    calculate_type, files = _files(request, paths)
    target = _editable(request, audience_id)
    _check_type(target.calculate_type, calculate_type)
    if "action" not in request.params:
        request.note("action_omitted", audience=target.id, column="action", cells=1)

    def effect() -> None:
        target.name = name or target.name
        _accept(request, target, action, files)

    return Reply(action=action.lower(), rows=sum(map(len, files)), effect=effect)


def _files(request: Request, paths: list[str]) -> tuple[str, list[Contents]]:
    """The one type of all the files, and what is in each."""
    if not 1 <= len(paths) <= _MAX_FILES:
        raise errors.field("file_paths", f"Length must be between 1 and {_MAX_FILES}.")
    if any(len(path) != _PATH_CHARACTERS for path in paths):
        raise errors.field("file_paths", f"Each must have {_PATH_CHARACTERS} characters.")
    found = [_one_file(request, path) for path in paths]
    for each in found:
        _check_type(found[0].calculate_type, each.calculate_type)
    return found[0].calculate_type, [each.contents for each in found]


def _check_type(one: str, other: str) -> None:
    if one != other:
        raise errors.field("calculate_type", "Must be the type of every file and the audience.")


def _one_file(request: Request, path: str) -> DataFile:
    found = request.store.files.get(path)
    if found is None:
        raise errors.file_unknown()
    if found.expires_at <= request.now:
        raise errors.file_expired()
    if found.advertiser_id != request.advertiser.id:
        raise errors.file_unknown()
    return found


def _accept(request: Request, target: Audience, action: str, files: list[Contents]) -> None:
    due_at = request.now + request.settings.file_delay_h * _HOUR_S
    job = Job(action=action, rows=tuple(files), due_at=due_at)
    target.accept(job, request.now, request.settings)


def _change_sub_type(request: Request, target: Audience) -> Reply:
    """NORMAL may become REACH_FREQUENCY; whatever else the call asks for is ignored."""
    name = "audience_sub_type"
    wanted = fields.choice(request.params, name, allowed=_SUB_TYPES, default="NORMAL")
    if (target.sub_type, wanted) != ("NORMAL", "REACH_FREQUENCY"):
        raise errors.field(name, "Can only be changed from NORMAL to REACH_FREQUENCY.")

    def effect() -> None:
        target.sub_type = wanted

    return Reply(action="update", effect=effect)
