"""Objects are listed, fetched whole or not at all, put, deleted and signed; errors say why."""

import base64
import io
import socket
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from audsync.config.objects import AzureObjects, GcsObjects, ObjectsConfig, S3Objects
from audsync.errors import ConfigError, LocalError, SourceError, StateError
from audsync.objects import bucket as bucket_module
from audsync.objects.address import Address, address_of, is_object
from audsync.objects.bucket import Bucket
from audsync.objects.stores import ObjectAccess, open_store
from tests.object_store import KEY, SECRET, Place, s3_place

KEYS = ("a/b.csv", "a/c d/ü [1].csv", "a/c%20.csv", "z.csv")


@pytest.fixture(scope="module")
def s3() -> Place:
    return s3_place()


def test_what_is_put_is_found_listed_and_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_module, "PIECE_BYTES", 1000)
    place = s3_place()
    bucket = place.bucket()
    for number, key in enumerate(KEYS):
        (tmp_path / "file").write_bytes(key.encode() * 500 * number)
        bucket.put(key, tmp_path / "file")
    assert sorted(one.address.key for one in bucket.below("")) == sorted(KEYS)
    assert sorted(one.address.key for one in bucket.below("a/")) == sorted(KEYS[:3])
    assert list(bucket.below("a/b")) == [], "a prefix is a folder, not the beginning of a name"
    for number, key in enumerate(KEYS):
        assert place.content(key) == key.encode() * 500 * number
    bucket.delete(KEYS[0])
    bucket.delete(KEYS[0])
    assert bucket.find(KEYS[0]) is None


def test_an_object_that_changes_while_it_is_read_is_refused(
    s3: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_module, "PIECE_BYTES", 4)
    place = s3
    place.put("x.csv", b"0123456789")
    bucket = place.bucket()
    found = bucket.find("x.csv")
    assert found is not None

    class Target(io.BytesIO):
        def write(self, data: object) -> int:
            place.put("x.csv", b"9876543210")
            return super().write(data)  # type: ignore[arg-type]

    with pytest.raises(SourceError, match=r"x\.csv was changed while it was read"):
        bucket.fetch(found, Target())
    bucket.delete("x.csv")
    with pytest.raises(SourceError, match="changed while"):
        bucket.fetch(found, io.BytesIO())


def test_a_signed_url_opens_one_object_for_a_while(s3: Place) -> None:
    s3.put("out/a b.csv", b"id\n1\n")
    url = s3.bucket().sign("out/a b.csv", lasts=timedelta(hours=2))
    assert "X-Amz-Expires=7200" in url
    assert SECRET not in url
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"id\n1\n"


def test_what_went_wrong_is_told_with_the_object_and_a_remedy(s3: Place) -> None:
    nowhere = replace(s3, address=Address(scheme="s3", bucket="no-such-bucket", key=""))
    with pytest.raises(SourceError, match=r"there is no s3://no-such-bucket; check"):
        list(nowhere.bucket().below("in"))
    with pytest.raises(SourceError, match=r"cannot be written: there is no"):
        nowhere.put("x", b"")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        dead = s3.entry.model_copy(
            update={"endpoint": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        )
        away = replace(s3, entry=dead, max_wait_s=0.2)
        with pytest.raises(SourceError, match="the store does not answer; check the network"):
            away.bucket().find("x")


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (403, "<Error><Code>AccessDenied</Code></Error>", r"access is denied \(403 AccessDenied\)"),
        (403, "", r"access is denied \(403\)"),
        (301, "<Error><Code>PermanentRedirect</Code></Error>", "in another region; set `region"),
        (418, f"<Error><Code>Odd</Code><Key>{SECRET}</Key></Error>", "the store answered 418 Odd"),
    ],
)
def test_a_refusal_is_told_without_the_stores_own_words(
    status: int, body: str, words: str, answering: Callable[..., str], s3: Place
) -> None:
    place = replace(
        s3, entry=s3.entry.model_copy(update={"endpoint": answering(status, body.encode())})
    )
    bucket = Bucket(place.address.at("k"), place.access, fault=StateError)
    with pytest.raises(StateError, match=words) as refused:
        list(bucket.below("in"))
    told = f"{refused.value.as_json()}{refused.value.__cause__}{refused.value.__context__!r}"
    assert SECRET not in f"{refused.value.as_json()}", told


def test_secrets_are_in_no_repr(s3: Place) -> None:
    shown = f"{s3.access!r} {s3.entry!r} {s3.bucket()!r} {open_store(s3.address, s3.access)!r}"
    assert KEY not in shown
    assert SECRET not in shown


def test_the_own_entry_of_a_bucket_wins(s3: Place) -> None:
    own = s3.entry.model_copy(update={"bucket": "mine"})
    access = ObjectAccess(entries=(s3.entry, own))
    assert access.entry(address_of("s3://mine/x")) is own
    assert access.entry(address_of("s3://other/x")) is s3.entry
    assert access.entry(address_of("gs://mine/x")) is None


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        (GcsObjects(type="gs", service_account=SecretStr('{"no": "key"}')), "gs://b/x"),
        (AzureObjects(type="az"), "az://b/x"),
    ],
)
def test_settings_that_cannot_be_right_are_a_config_error(
    entry: ObjectsConfig, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(ConfigError, match=f"settings for {place} cannot be used"):
        Bucket(address_of(place), ObjectAccess(entries=(entry,)), fault=LocalError)


def test_all_three_kinds_are_opened_and_sign_by_themselves() -> None:
    key = SecretStr(base64.b64encode(b"k" * 64).decode())
    azure = AzureObjects(type="az", account="acc", access_key=key)
    bucket = Bucket(address_of("az://c/x"), ObjectAccess(entries=(azure,)), fault=LocalError)
    url = bucket.sign("a b", lasts=timedelta(hours=1))
    assert url.startswith("https://acc.blob.core.windows.net/c/a%20b?")
    public = GcsObjects(type="gs", anonymous=True)
    Bucket(address_of("gs://b/x"), ObjectAccess(entries=(public,)), fault=LocalError)
    hosted = S3Objects(type="s3", path_style=False, endpoint="https://oss.example.com", region="x")
    hosted = hosted.model_copy(update={"access_key_id": key, "secret_access_key": key})
    bucket = Bucket(address_of("s3://b/x"), ObjectAccess(entries=(hosted,)), fault=LocalError)
    assert bucket.sign("k", lasts=timedelta(1)).startswith("https://b.oss.example.com/k?")


def test_without_the_extra_it_is_said_what_to_install(
    s3: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "obstore.exceptions", None)
    with pytest.raises(ConfigError, match=r"pip install 'audsync\[s3\]'"):
        s3.bucket()


def test_addresses_are_read_and_written() -> None:
    assert is_object("s3://b/k")
    assert not is_object("/s3/b")
    assert not is_object("https://b/k")
    address = address_of("s3://b/a/k")
    assert (address.bucket, address.key, str(address)) == ("b", "a/k", "s3://b/a/k")
    assert str(address_of("s3://b")) == "s3://b/"
    assert str(address_of("s3://b/p/").below("x")) == "s3://b/p/x"
    assert str(address_of("s3://b").below("x")) == "s3://b/x"
