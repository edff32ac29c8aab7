"""What a client can look at: the user, the advertisers, the audiences.

Source: SDK `yml_files/` and the reference pages, read 2026-11-22.
"""

from typing import Any

from audsync.sandbox.tiktok import access, fields
from audsync.sandbox.tiktok.request import Reply, Request

ADVERTISERS_FIELDS = ("app_id", "secret")
GET_FIELDS = ("advertiser_id", "custom_audience_ids", "history_size")
LIST_FIELDS = ("advertiser_id", "custom_audience_ids", "page", "page_size")
_MOST = 100
_PAGE_ROWS = 10


def user(request: Request) -> Reply:
    """`GET /user/info/`."""
    data = {
        "core_user_id": request.token.user_id,
        "display_name": "Sandbox user",
        "email": "s***x@example.com",
        "create_time": 0,
    }
    return Reply(data=data, action="user")


def advertisers(request: Request) -> Reply:
    """`GET /oauth2/advertiser/get/`."""
    access.check_app(request.params, request.settings)
    listed = [
        {"advertiser_id": each.id, "advertiser_name": each.name}
        for each in access.granted(request.token, request.settings)
    ]
    return Reply(data={"list": listed}, action="advertisers")


def get(request: Request) -> Reply:
    """`GET /dmp/custom_audience/get/`: audiences that are not there are not in the answer."""
    name = "custom_audience_ids"
    wanted = fields.ids(fields.query_texts(request.params, name), name, most=_MOST)
    size = fields.query_number(request.params, "history_size", default=_MOST, most=_MOST)
    listed = [
        {
            "audience_details": each.read(request.now, request.settings, kind_field="type"),
            "audience_history": each.history[-size:],
        }
        for each in request.store.of_advertiser(request.advertiser.id)
        if each.id in wanted
    ]
    return Reply(data={"list": listed}, action="get")


def list_all(request: Request) -> Reply:
    """`GET /dmp/custom_audience/list/`: newest first."""
    params = request.params
    page = fields.query_number(params, "page", default=1)
    size = fields.query_number(params, "page_size", default=_PAGE_ROWS, most=_MOST)
    wanted = fields.query_texts(params, "custom_audience_ids")
    if wanted is not None:
        fields.ids(wanted, "custom_audience_ids", most=_MOST)
    found = [
        each
        for each in reversed(request.store.of_advertiser(request.advertiser.id))
        if wanted is None or each.id in wanted
    ]
    shown: list[dict[str, Any]] = [
        each.read(request.now, request.settings, kind_field="audience_type")
        for each in found[(page - 1) * size : page * size]
    ]
    info = {
        "page": page,
        "page_size": size,
        "total_number": len(found),
        "total_page": -(-len(found) // size),
    }
    return Reply(data={"list": shown, "page_info": info}, action="list")
