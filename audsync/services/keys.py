"""The keys that seal saved credentials: which are at hand, making new ones, going over to another.

A key comes from AUDSYNC_ENCRYPTION_KEY, else from the file that AUDSYNC_ENCRYPTION_KEY_FILE
names, else from the system's keyring. AUDSYNC_NEW_ENCRYPTION_KEY opens, too, so that nothing
stops while one key takes the place of another.
"""

from audsync.config.model import Config
from audsync.errors import ConfigError
from audsync.vault import files, keyring
from audsync.vault.keys import Key, KeyRing, parse

HOW_TO_MAKE_ONE = (
    "`audsync key generate --out FILE` makes one; then set AUDSYNC_ENCRYPTION_KEY_FILE=FILE."
)


def ring_of(config: Config) -> KeyRing:
    """Every key at hand; looks into the file and the keyring only if it must.

    Raises:
        ConfigError: a place that is named holds no usable key.
    """
    keys = _current(config)
    if config.new_encryption_key is not None:
        keys.append(parse(config.new_encryption_key.get_secret_value()))
    return KeyRing(keys)


def sealing_key(ring: KeyRing, *, what: str = "credentials") -> Key:
    """The key to seal with; `what` is sealed, for the message.

    Raises:
        ConfigError: there is none.
    """
    if ring.first is None:
        raise ConfigError(
            f"There is no key to encrypt {what} with. {HOW_TO_MAKE_ONE}",
            details={"variable": "AUDSYNC_ENCRYPTION_KEY"},
        )
    return ring.first


def opening_key(ring: KeyRing, key_id: str, *, what: str) -> Key:
    """The key that opens what was sealed with the key of that id.

    Args:
        ring: the keys at hand.
        key_id: of the key that sealed it.
        what: whose credentials, for the message.

    Raises:
        ConfigError: it is not at hand.
    """
    key = ring.by_id(key_id)
    if key is None:
        have = f"the key here is {ring.ids[0]}" if ring.ids else "there is no key here"
        raise ConfigError(
            f"The credentials of {what} are encrypted with key {key_id}, and {have}. Set"
            " AUDSYNC_ENCRYPTION_KEY or AUDSYNC_ENCRYPTION_KEY_FILE to the key that encrypted them;"
            " if it is lost, `audsync connections rotate NAME` takes new credentials.",
            details={"key_id": key_id, "key_ids": list(ring.ids)},
        )
    return key


def _current(config: Config) -> list[Key]:
    if config.encryption_key is not None:
        return [parse(config.encryption_key.get_secret_value())]
    if config.encryption_key_file is not None:
        return [files.read(config.encryption_key_file)]
    return keyring.read()
