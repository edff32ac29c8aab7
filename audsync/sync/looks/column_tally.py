"""What one mapped column of a segment is like, counted batch by batch; never a value itself."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from audsync.domain import Kind, Platform
from audsync.identifiers.masking import mask
from audsync.sync.tables.hashes import Flags
from audsync.sync.wanted.inspection import Look

SAMPLES = 3
_LOOKED_AT = 200
"""Rejected cells of a batch in which different samples are looked for."""
_INTERNATIONAL = r"^\s*(?:\+|00)"
_DOMAIN = r"@(.*)$"
_PERSONAL = (
    "163.com", "aol.com", "bluewin.ch", "btinternet.com", "comcast.net", "free.fr", "gmail.com",
    "gmx.at", "gmx.ch", "gmx.com", "gmx.de", "gmx.net", "googlemail.com", "hotmail.co.uk",
    "hotmail.com", "hotmail.de", "hotmail.es", "hotmail.fr", "hotmail.it", "icloud.com",
    "laposte.net", "libero.it", "live.co.uk", "live.com", "live.fr", "live.nl", "mac.com",
    "mail.com", "mail.ru", "me.com", "msn.com", "naver.com", "orange.fr", "outlook.com",
    "outlook.de", "outlook.fr", "proton.me", "protonmail.com", "qq.com", "rediffmail.com",
    "rocketmail.com", "sfr.fr", "sky.com", "t-online.de", "terra.com.br", "uol.com.br",
    "verizon.net", "virgilio.it", "wanadoo.fr", "web.de", "yahoo.ca", "yahoo.co.in",
    "yahoo.co.jp", "yahoo.co.uk", "yahoo.com", "yahoo.com.br", "yahoo.de", "yahoo.es", "yahoo.fr",
    "yahoo.it", "yandex.ru", "ymail.com",
)  # fmt: skip
"""Providers of private mailboxes: people use these addresses on ad platforms, too."""


@dataclass(slots=True)
class Verdicts:
    """What one platform makes of a column's cells."""

    valid: int = 0
    invalid: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Sharing:
    """How often the values of a column occur."""

    distinct: int = 0
    repeated: int = 0
    """Cells whose value stands in an earlier row already."""
    shared_values: int = 0
    """Values that many profiles have."""
    shared_profiles: int = 0
    """The profiles that have them; one with two of them counts twice."""


@dataclass(slots=True)
class ColumnTally:
    """The counts of one column.

    `filled` counts cells that are not blank; `personal` valid e-mail addresses of providers of
    private mailboxes and `readable` those whose provider can be seen; `national` phones without
    a country code. `samples` are masked.
    """

    kind: Kind
    seen_by: Platform
    """The platform whose verdicts the samples and the hints go by."""
    filled: int = 0
    already_hashed: int = 0
    personal: int = 0
    readable: int = 0
    national: int = 0
    verdicts: dict[Platform, Verdicts] = field(default_factory=lambda: defaultdict(Verdicts))
    samples: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    sharing: Sharing = field(default_factory=Sharing)

    def add(self, raw: pa.Array, looks: Mapping[Platform, Look]) -> None:
        """Count one batch of the column, as each platform sees it."""
        for platform, look in looks.items():
            verdicts = self.verdicts[platform]
            verdicts.valid += int(look.is_good.sum())
            for entry in pc.value_counts(look.rejected.drop_null()).to_pylist():
                verdicts.invalid[entry["values"]] += entry["counts"]
        look = looks[self.seen_by]
        is_rejected = look.rejected.is_valid().to_numpy(zero_copy_only=False)
        is_hashed = look.already_hashed.to_numpy(zero_copy_only=False)
        self.filled += int((look.is_good | is_rejected).sum())
        self.already_hashed += int(is_hashed.sum())
        if self.kind is Kind.EMAIL:
            self._add_domains(look)
        elif self.kind is Kind.PHONE:
            self._add_phones(raw, (look.is_good | is_rejected) & ~is_hashed)
        self._add_samples(raw, look, is_rejected)

    @property
    def is_mixed(self) -> bool:
        """Whether some cells are hashed already and others are not."""
        return 0 < self.already_hashed < self.filled

    def _add_domains(self, look: Look) -> None:
        addresses = pl.Series(pl.from_arrow(look.normalized)).cast(pl.String).drop_nulls()
        self.readable += len(addresses)
        self.personal += int(addresses.str.extract(_DOMAIN, 1).is_in(_PERSONAL).sum())

    def _add_phones(self, raw: pa.Array, is_plain: Flags) -> None:
        plain = raw.filter(pa.array(is_plain))
        has_code = pc.sum(pc.match_substring_regex(plain, _INTERNATIONAL)).as_py() or 0
        self.national += len(plain) - has_code

    def _add_samples(self, raw: pa.Array, look: Look, is_rejected: Flags) -> None:
        for place in np.flatnonzero(is_rejected)[:_LOOKED_AT].tolist():
            samples = self.samples[look.rejected[place].as_py()]
            if len(samples) < SAMPLES:
                samples[mask(raw[place].as_py())] = None
