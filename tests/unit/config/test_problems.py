"""Each error names file, line, key and what to write instead."""

import pytest

from tests.unit.config.conftest import Load, Refuse

META = "connections: {m: {platform: meta, account: act_1}}\n"
VIP = "segments: {vip: {source: {type: file, path: a.csv}, columns: {profile_id: id, email: e}}}\n"
SOURCE = "segments:\n  vip:\n    source: {type: file, path: a.csv}\n"

CASES = {
    "unknown key": ("tenantt: 2", "audsync.yaml:1: tenantt: is unknown; did you mean tenant?"),
    "unknown key far from all": (
        "store:\n  colour: red",
        "audsync.yaml:2: store.colour: is unknown; valid here: url",
    ),
    "unknown key with nothing behind it": (
        "\nstore:\n  urk:",
        "audsync.yaml:3: store.urk: is unknown; did you mean url?",
    ),
    "unknown key in a connection": (
        "connections:\n  m:\n    platform: meta\n    acount: '1'",
        "audsync.yaml:4: connections.m.acount: is unknown; did you mean account?",
    ),
    "unknown key in a connection named like a platform": (
        "connections:\n  meta:\n    platform: meta\n    account: '1'\n    options: {meta: 1}",
        (
            "audsync.yaml:5: connections.meta.options.meta: is unknown; "
            "valid here: customer_file_source, retention_days"
        ),
    ),
    "options of another platform": (
        (
            "connections:\n  m:\n    platform: tiktok\n    account: 1\n    options:\n"
            "      retention_days: 3"
        ),
        "audsync.yaml:6: connections.m.options.retention_days: is unknown; valid here: upload",
    ),
    "a key named like a tag": (
        (
            "segments:\n  vip:\n    source: {type: file, path: a,\n      file: b}\n"
            "    columns: {profile_id: i, email: e}"
        ),
        (
            "audsync.yaml:4: segments.vip.source.file: is unknown; "
            "valid here: type, path, format, delimiter, encoding"
        ),
    ),
    "unknown key in a list": (
        "notify:\n  - url: https://x\n  - url: https://y\n    onn: [failed]",
        "audsync.yaml:4: notify.1.onn: is unknown; did you mean on?",
    ),
    "text for a number": ("tenant: one", "audsync.yaml:1: tenant: must be a whole number"),
    "mapping for a number": ("tenant: {}", "audsync.yaml:1: tenant: must be a whole number"),
    "fraction for a whole number": (
        "limits: {max_batch_size: 1.5}",
        "audsync.yaml:1: limits.max_batch_size: must be a whole number",
    ),
    "too small": ("tenant: 0", "audsync.yaml:1: tenant: must be at least 1"),
    "too large": (
        "connections: {g: {platform: google, account: 1, options: {membership_days: 541}}}",
        "audsync.yaml:1: connections.g.options.membership_days: must be at most 540",
    ),
    "not above": (
        "limits: {request_timeout: 0}",
        "audsync.yaml:1: limits.request_timeout: must be more than 0.0",
    ),
    "not a number": (
        "limits:\n  max_wait: soon",
        "audsync.yaml:2: limits.max_wait: must be a number",
    ),
    "text for a truth": (
        "state: {encrypt: maybe}",
        "audsync.yaml:1: state.encrypt: must be true or false",
    ),
    "list for a truth": (
        "state: {encrypt: []}",
        "audsync.yaml:1: state.encrypt: must be true or false",
    ),
    "list for a mapping": (
        "store: [a]",
        "audsync.yaml:1: store: must be a mapping of keys to values",
    ),
    "text for a mapping": (
        "segments: vip",
        "audsync.yaml:1: segments: must be a mapping of keys to values",
    ),
    "nothing for a segment": (
        "segments:\n  vip:",
        "audsync.yaml:2: segments.vip: must be a mapping of keys to values",
    ),
    "nothing for a connection": (
        "connections:\n  m:",
        "audsync.yaml:2: connections.m: must be a mapping of keys to values",
    ),
    "text for a list": (
        SOURCE + "    columns: {profile_id: i, email: e}\n    traits: ltv",
        "audsync.yaml:5: segments.vip.traits: must be a list",
    ),
    "list for text": (
        SOURCE + "    columns: {profile_id: i, email: e}\n    where: [a]",
        "audsync.yaml:5: segments.vip.where: must be text",
    ),
    "empty text": (
        SOURCE + "    columns: {profile_id: i, email: ''}",
        "audsync.yaml:4: segments.vip.columns.email: must not be empty",
    ),
    "no columns": (
        SOURCE + "    columns: {profile_id: i, email: []}",
        "audsync.yaml:4: segments.vip.columns.email: must not be empty",
    ),
    "file that is a list": ("- a", "audsync.yaml:1: must be a mapping of keys to values"),
    "missing key": (
        "audiences:\n  a:\n    segment: vip\n    name: A\n" + META + VIP,
        "audsync.yaml:2: audiences.a.connection: is missing",
    ),
    "missing platform": (
        "connections:\n  m: {account: act_1}",
        "audsync.yaml:2: connections.m.platform: is missing; one of meta, google, tiktok, snapchat",
    ),
    "unknown platform": (
        "connections:\n  m:\n    account: act_1\n    platform: metaa",
        (
            "audsync.yaml:4: connections.m.platform: "
            "must be one of meta, google, tiktok, snapchat; did you mean meta?"
        ),
    ),
    "unknown source": (
        "segments:\n  v:\n    source: {type: csv}\n    columns: {profile_id: i, email: e}",
        "audsync.yaml:3: segments.v.source.type: must be one of file, sql",
    ),
    "unknown choice": (
        SOURCE + "    columns: {profile_id: i, email: e}\n    phone_policy: posible",
        (
            "audsync.yaml:5: segments.vip.phone_policy: must be one of valid, possible; "
            "did you mean possible?"
        ),
    ),
    "unknown choice in a list": (
        "notify:\n  - url: https://x\n    on:\n      - failed\n      - stall",
        (
            "audsync.yaml:5: notify.0.on.1: must be one of failed, partial, recovered, stale, "
            "credentials_expired, credentials_expiring, guard_refused, name_changed, "
            "empty_segment, low_match_rate, size_drift, circuit_open; did you mean stale?"
        ),
    ),
    "interval": (
        "defaults: {every: 5h}",
        "audsync.yaml:1: defaults.every: must be one of 1h, 6h, 12h, 24h, 168h",
    ),
    "interval in days": (
        "defaults: {minimum_every: 1d}",
        "audsync.yaml:1: defaults.minimum_every: must be whole hours, such as 24h",
    ),
    "size": (
        "state: {memory_limit: 1 gig}",
        "audsync.yaml:1: state.memory_limit: must be a size, such as 1GB or 512MB",
    ),
    "size without a unit": (
        "state: {memory_limit: 512}",
        "audsync.yaml:1: state.memory_limit: must be at least 16MB; write the unit, such as 512MB",
    ),
    "region": (
        "defaults: {region: UK}",
        "audsync.yaml:1: defaults.region: must be GB for the United Kingdom",
    ),
    "region in three letters": (
        "defaults: {region: USA}",
        "audsync.yaml:1: defaults.region: must be a country of two letters (ISO 3166), such as US",
    ),
    "account": (
        "connections: {m: {platform: meta, account: ../x}}",
        (
            "audsync.yaml:1: connections.m.account: must begin with a letter or a digit, and have "
            "only letters, digits, dots, dashes and underscores, at most 100 in all"
        ),
    ),
    "meta account": (
        "connections: {m: {platform: meta, account: page_1}}",
        "audsync.yaml:1: connections.m.account: must be digits, with or without act_ before them",
    ),
    "URL": (
        "connections: {m: {platform: meta, account: 1, base_url: graph.facebook.com}}",
        (
            "audsync.yaml:1: connections.m.base_url: "
            "must be a URL that starts with https:// or http://"
        ),
    ),
    "URL without TLS": (
        "connections: {m: {platform: meta, account: 1, base_url: 'http://proxy.test/meta'}}",
        (
            "audsync.yaml:1: connections.m.base_url: must start with https://:"
            " http:// is for this machine only, as for a sandbox"
        ),
    ),
    "token URL without TLS": (
        "connections: {m: {platform: snapchat, account: b, token_url: 'http://10.0.0.7/t'}}",
        (
            "audsync.yaml:1: connections.m.token_url: must start with https://:"
            " http:// is for this machine only, as for a sandbox"
        ),
    ),
    "URL with a password": (
        "connections: {m: {platform: meta, account: 1, base_url: 'https://u:p@proxy'}}",
        (
            "audsync.yaml:1: connections.m.base_url: "
            "must be a URL without user, password, query or fragment"
        ),
    ),
    "token URL where none is used": (
        "connections: {m: {platform: meta, account: 1, token_url: 'https://x'}}",
        (
            "audsync.yaml:1: connections.m: "
            "has no token_url: only google and snapchat renew tokens by a call"
        ),
    ),
    "store URL": (
        "store: {url: 'mysql://x'}",
        "audsync.yaml:1: store.url: must start with sqlite:/// or postgresql+psycopg://",
    ),
    "google credentials": (
        "connections:\n  g:\n    platform: google\n    account: 1\n    credentials: {client_id: x}",
        (
            "audsync.yaml:5: connections.g.credentials: "
            "must have client_id, client_secret and refresh_token, or service_account"
        ),
    ),
    "google credentials of both kinds": (
        (
            "connections:\n  g:\n    platform: google\n    account: 1\n"
            "    credentials: {client_id: x, service_account: k.json}"
        ),
        (
            "audsync.yaml:5: connections.g.credentials: "
            "must have service_account alone, or the three keys of a user"
        ),
    ),
    "google mobile list": (
        (
            "connections:\n  g:\n    platform: google\n    account: 1\n"
            "    options: {list_kind: mobile}"
        ),
        (
            "audsync.yaml:5: connections.g.options: "
            "must have app_id and key_space when list_kind is mobile"
        ),
    ),
    "no identifier": (
        SOURCE + "    columns: {profile_id: i, city: c}",
        (
            "audsync.yaml:4: segments.vip.columns: "
            "must map one of email, phone, mobile_id, external_id"
        ),
    ),
    "two columns for one": (
        SOURCE + "    columns: {profile_id: [i, j], email: e}",
        "audsync.yaml:4: segments.vip.columns.profile_id: must be exactly one column",
    ),
    "query and table": (
        (
            "segments:\n  v:\n    source: {type: sql, url: x, query: q, table: t}\n"
            "    columns: {profile_id: i, email: e}"
        ),
        "audsync.yaml:3: segments.v.source: must have either query or table",
    ),
    "delimiter of two characters": (
        "suppress:\n  - {type: file, path: a, delimiter: ab, columns: {email: e}}",
        "audsync.yaml:2: suppress.0.delimiter: must be a single character",
    ),
    "delimiter that is a quote": (
        "suppress:\n  - {type: file, path: a, delimiter: '\"', columns: {email: e}}",
        "audsync.yaml:2: suppress.0.delimiter: must not be a quote or a line end",
    ),
    "name of a segment": (
        "segments:\n  a/b: {source: {type: file, path: a}, columns: {profile_id: i, email: e}}",
        (
            "audsync.yaml:2: segments.?: must begin with a letter or a digit, and have only "
            "letters, digits, dots, dashes and underscores, at most 100 in all"
        ),
    ),
    "unknown segment": (
        "audiences:\n  a:\n    segment: vpi\n    connection: m\n    name: A\n" + META + VIP,
        "audsync.yaml:3: audiences.a.segment: names no segment of this file; did you mean vip?",
    ),
    "audience too often": (
        "defaults: {minimum_every: 12h}\naudiences:\n  a:\n    segment: vip\n    connection: m\n"
        "    name: A\n    every: 6h\n" + META + VIP,
        "audsync.yaml:7: audiences.a.every: must not be below defaults.minimum_every",
    ),
    "default too often": (
        "defaults:\n  minimum_every: 12h\n  every: 6h",
        "audsync.yaml:3: defaults.every: must not be below defaults.minimum_every",
    ),
    "minimum above the default": (
        "defaults:\n  minimum_every: 168h",
        (
            "audsync.yaml:2: defaults.minimum_every: "
            "must not be above defaults.every, which is 24h unless you set it"
        ),
    ),
    "key twice": (
        "tenant: 1\nstore: {url: 'sqlite:///x'}\ntenant: 2",
        "audsync.yaml:3: tenant: is written twice; the first is in line 1",
    ),
    "unset variable": (
        "store:\n  url: ${STORE}",
        (
            "audsync.yaml:2: store.url: needs the variable STORE, which is not set; "
            "set it in the environment or in .env"
        ),
    ),
    "tag": ("tenant: !secret x", "audsync.yaml:1: has a tag (a word with !), which means nothing"),
    "two documents": ("tenant: 1\n---\ntenant: 2", "audsync.yaml:2: is not YAML: "),
    "broken YAML": ("store:\n  url: 'x\ntenant: 1", "audsync.yaml:3: is not YAML: "),
    "control character": ("a: 1\nb: \x01", "audsync.yaml:2: has a control character"),
    "alias to itself": ("store: &a\n  url: *a", "audsync.yaml:1: has an alias that contains"),
    "key that is a list": ("? [a, b]\n: 1", "audsync.yaml:1: has a list or a mapping where a key"),
    "variable in a key": ("\n${A}: 1", "audsync.yaml:2: has a variable in a key"),
    "merge of a text": ("store: {<<: a}", "audsync.yaml:1: has << with something not a mapping"),
    "too deep": ("a: " + "[" * 900 + "]" * 900, "audsync.yaml:1: "),
}


@pytest.mark.parametrize(("text", "message"), CASES.values(), ids=CASES)
def test_an_error_says_where_and_what_to_do(refuse: Refuse, text: str, message: str) -> None:
    said = refuse(text).message
    assert said.startswith(message)
    assert "\n" not in said


def test_all_problems_are_told_at_once_in_the_order_of_the_file(refuse: Refuse) -> None:
    error = refuse("tenant: x\nstore: {url: 1, nme: a}\nstate: {url: ${S}}\nlimit: {}\n")
    assert [problem["line"] for problem in error.details["problems"]] == [1, 2, 2, 3, 4]
    assert len(error.message.splitlines()) == 5


def test_programs_get_file_line_key_and_message(refuse: Refuse) -> None:
    error = refuse("tenant: x", AUDSYNC_STATE_URL="~nobody-here/x")
    assert error.details["file"].endswith("/audsync.yaml")
    assert error.details["problems"] == [
        {
            "line": None,
            "key": "state.url",
            "message": "names the home folder of a user that does not exist",
            "variable": "AUDSYNC_STATE_URL",
        },
        {"line": 1, "key": "tenant", "message": "must be a whole number", "variable": None},
    ]


def test_a_misspelt_key_is_not_told_again_as_missing(refuse: Refuse) -> None:
    said = refuse("connections: {m: {platform: meta, acount: 1}}").message
    assert "acount" in said
    assert "missing" not in said


def test_a_long_list_of_names_is_cut(refuse: Refuse) -> None:
    source = "{source: {type: file, path: a.csv}, columns: {profile_id: id, email: e}}"
    many = "".join(f"  v{n}: {source}\n" for n in range(30))
    text = f"segments:\n{many}audiences: {{a: {{segment: zz, connection: m, name: n}}}}\n"
    said = refuse(text).message
    assert said.endswith("valid here: " + ", ".join(f"v{n}" for n in range(20)) + " and 10 more")


def test_the_connection_of_an_audience_may_be_one_that_connect_saved(load: Load) -> None:
    text = "audiences: {a: {segment: vip, connection: saved, name: A}}\n" + VIP
    assert load(text).audiences["a"].connection == "saved"


def test_an_unset_variable_is_told_once_wherever_its_alias_stands(refuse: Refuse) -> None:
    text = "connections:\n  a: &a {platform: meta, account: ${ACCOUNT}}\n  b: *a\n"
    assert refuse(text).message.splitlines() == [
        (
            "audsync.yaml:2: connections.a.account: needs the variable ACCOUNT, which is not set; "
            "set it in the environment or in .env"
        )
    ]


def test_lines_are_right_below_values_of_many_lines(refuse: Refuse) -> None:
    text = (
        "segments:\n  v:\n    where: |\n      a > 1\n      and b > 2\n    # a comment\n"
        "    source: {type: file,\n      path: x}\n    columns:\n      profile_id: i\n"
        "      email: >-\n        e\n      emial: x\n"
    )
    assert refuse(text).message.startswith("audsync.yaml:13: segments.v.columns.emial")


def test_aliases_cannot_blow_up(load: Load, refuse: Refuse) -> None:
    layers = "".join(f"  - &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(30))
    assert "notify" in refuse(f"notify:\n  - &a0 x\n{layers}").message
    assert load("tenant: &t 7\nlimits: {max_batch_size: *t}").limits.max_batch_size == 7
