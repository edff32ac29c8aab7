"""What is sealed opens with its key, beside what it belongs to, and in no other way."""

import base64

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from audsync.vault.keys import Key, KeyRing, generate, parse
from audsync.vault.sealing import TamperedError, seal, unseal

KEY = Key(bytes(range(32)))
SECRET = {"access_token": "EAABcanary8f3b", "app_secret": "x"}
BINDING = {"record": "1", "tenant": "1", "base_url": None}


@given(st.dictionaries(st.text(), st.text()), st.dictionaries(st.text(), st.none() | st.text()))
def test_what_is_sealed_opens_again(secret: dict[str, str], binding: dict[str, str | None]) -> None:
    sealed = seal(secret, KEY, binding)
    assert unseal(sealed.ciphertext, KEY, binding) == secret


def test_the_same_secret_is_never_sealed_alike() -> None:
    seen = {seal(SECRET, KEY, BINDING).ciphertext for _ in range(100)}
    assert len(seen) == 100
    assert not any(b"canary" in one for one in seen)


def test_it_is_aes_256_gcm_as_the_docstring_says() -> None:
    sealed = seal(SECRET, KEY, BINDING).ciphertext
    assert sealed[:1] == b"\x01"
    bound = f'\x01["{KEY.id}", [["base_url", null], ["record", "1"], ["tenant", "1"]]]'
    plain = AESGCM(KEY.material).decrypt(sealed[1:13], sealed[13:], bound.encode())
    assert plain == b'{"access_token": "EAABcanary8f3b", "app_secret": "x"}'


@pytest.mark.parametrize(
    "binding", [{**BINDING, "tenant": "2"}, {**BINDING, "base_url": ""}, {}, {**BINDING, "x": None}]
)
def test_it_does_not_open_beside_anything_else(binding: dict[str, str | None]) -> None:
    with pytest.raises(TamperedError):
        unseal(seal(SECRET, KEY, BINDING).ciphertext, KEY, binding)


def test_it_does_not_open_with_another_key() -> None:
    with pytest.raises(TamperedError):
        unseal(seal(SECRET, KEY, BINDING).ciphertext, generate(), BINDING)


@given(st.data())
def test_no_changed_byte_opens(data: st.DataObject) -> None:
    sealed = bytearray(seal(SECRET, KEY, BINDING).ciphertext)
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(TamperedError):
        unseal(bytes(sealed), KEY, BINDING)


@given(st.binary(max_size=64))
def test_rubbish_does_not_open(rubbish: bytes) -> None:
    with pytest.raises(TamperedError):
        unseal(rubbish, KEY, BINDING)


def test_keys_and_sealed_bytes_are_in_no_repr() -> None:
    sealed = seal(SECRET, KEY, BINDING)
    shown = repr(KEY) + repr(sealed) + repr(KeyRing([KEY]))
    assert KEY.text not in shown
    assert repr(KEY.material) not in shown
    assert repr(sealed.ciphertext) not in shown


@pytest.mark.parametrize("ending", ["", "\n", "="])
def test_a_key_is_written_and_read_again(ending: str) -> None:
    key = generate()
    assert parse(key.text.rstrip("=") + ending) == key
    assert len(base64.urlsafe_b64decode(key.text)) == 32


@pytest.mark.parametrize("text", ["", "x", "a" * 43 + "!", "ä" * 43, KEY.text[:-4], KEY.text * 2])
def test_what_is_no_key_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="32 bytes") as caught:
        parse(text)
    assert not text or text not in str(caught.value)


def test_ids_tell_keys_apart_and_say_nothing_of_them() -> None:
    keys = [generate() for _ in range(50)]
    assert len({key.id for key in keys}) == 50
    assert KEY.id == Key(bytes(range(32))).id
    assert KEY.id not in KEY.material.hex()


def test_the_first_key_of_a_ring_seals_and_each_is_found() -> None:
    other = generate()
    ring = KeyRing([KEY, other, KEY])
    assert ring.first == KEY
    assert ring.ids == (KEY.id, other.id)
    assert ring.by_id(other.id) == other
    assert ring.by_id("absent") is None
    assert KeyRing([]).first is None
