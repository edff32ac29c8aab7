"""What a platform counts a connection's calls by: the name of its quota, and the limits. Pure.

Which limits there are, and by what they are counted, is data of each platform's `Spec`. All
processes whose connections come to the same key share one budget.
"""

from hashlib import sha256
from urllib.parse import urlsplit

from audsync.connectors.contract import Access, CallLimit, Spec
from audsync.domain import CallQuota, CallRate

_WIDEST_FIRST = ("app", "token", "account")


def quota_of(spec: Spec, access: Access) -> CallQuota:
    """The quota of a connection, named by the widest scope that its platform counts by.

    No secret is part of a name: what is counted by a credential is named by 64 bits of its hash.
    A platform behind another address, such as the sandbox, is another platform.
    """
    scopes = {limit.scope: limit for limit in spec.call_limits}
    widest = min(scopes, key=_WIDEST_FIRST.index, default="account")
    key = ":".join((spec.platform.value, widest, _counted(scopes.get(widest), access)))
    if access.base_url and access.base_url.rstrip("/") != spec.base_url:
        key += f"@{urlsplit(access.base_url).netloc}"
    rates = tuple(
        CallRate(name=_rate_name(limit, widest, access), calls=limit.calls, window_s=limit.window_s)
        for limit in spec.call_limits
    )
    return CallQuota(key=key, rates=rates)


def _rate_name(limit: CallLimit, widest: str, access: Access) -> str:
    """Told apart within the quota: a narrower scope, such as one token of an app, by its name."""
    if limit.scope == widest:
        return f"{limit.window_s}s"
    return f"{limit.scope}:{_counted(limit, access)}:{limit.window_s}s"


def _counted(limit: CallLimit | None, access: Access) -> str:
    """By what the limit is counted: a credential, or the account."""
    for name in limit.counted_by if limit else ():
        value = access.credentials.get(name, "").strip()
        if value:
            return sha256(value.encode()).hexdigest()[:16]
    return access.account.removeprefix("act_")  # Meta's numbers come with and without it
