"""The same rows come out of a database as out of files."""

import csv
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audsync.segments.contract import FileQuery, SqlQuery
from audsync.segments.reading import columns_of, read
from tests.postgres import Server, shared_server

COLUMNS = {
    "profile_id": ("id",),
    "email": ("email", "work"),
    "phone": ("phone",),
    "zip_code": ("zip",),
    "consent": ("ok",),
}
NASTY = [
    {"id": "00042", "email": "ada@example.com", "work": None, "phone": "07700 900123", "zip": "00501", "ok": "yes"},
    {"id": "7", "email": " Zoë@Example.com ", "work": 'a"b@example.com', "phone": "+4915112345678", "zip": "", "ok": "no"},
    {"id": "line\nbreak", "email": "a,b;c@example.com", "work": "it's\r\nodd", "phone": "%(x)s :name ::int", "zip": None, "ok": None},
    {"id": "\\.", "email": "\\N", "work": "{a,b}", "phone": "\\x41", "zip": "日本 🎌", "ok": "TRUE"},
    {"id": "99999999999999999999999", "email": "x\ty@example.com", "work": "null", "phone": "0", "zip": "\u2028", "ok": "1"},
]  # fmt: skip


@pytest.fixture(scope="session")
def server() -> Server:
    return shared_server()


@pytest.fixture
def postgres(server: Server) -> Iterator[str]:
    name = server.create()
    yield server.url(name)
    server.drop(name)
