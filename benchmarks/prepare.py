"""Preparing raw profiles in memory: the kernel against what others do, row for row.

Each way is given the same profiles with e-mail, phone and mobile id in the form it likes best.
The vendors' helpers only strip, lower and hash: they reject nothing and add no calling code. Our
kernel and the plain loop tell whether a phone number exists. The kernel also prepares the country
column, which it needs to read national numbers, as a match field; the others do not.
"""

import argparse
import gc
import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

from benchmarks import data

PEER_ROWS = 200_000
LOOP_ROWS = 50_000
_BATCH_ROWS = 100_000
"""As the file source yields them."""
_WARM_ROWS = 5_000


def _raw(rows: int) -> Any:  # noqa: ANN401 - pyarrow has no types
    import duckdb

    relation = duckdb.sql(
        "select (row_number() over ())::ubigint as profile, email as 'email.0', phone as 'phone.0',"
        " mobile_id as 'mobile_id.0', country as 'country.0'"
        f" from '{data.parquet(data.SMALL_ROWS, 1)}' limit {rows}"
    )
    assert relation is not None
    return relation.to_arrow_table()


def _cells(rows: int) -> list[list[str]]:
    table = _raw(rows)
    columns = [table[f"{name}.0"].to_pylist() for name in ("email", "phone", "mobile_id")]
    return [[cell or "" for cell in row] for row in zip(*columns, strict=True)]


def kernel(rows: int) -> tuple[Callable[[int, int], object], int]:
    """Ours: validates, normalises and hashes; two batches at once, as a sync does it."""
    from concurrent.futures import ThreadPoolExecutor

    from audsync.domain import Platform
    from audsync.identifiers.kernel import PrepareSpec, prepare
    from audsync.sync.desired import WORKERS

    table = _raw(rows).combine_chunks()
    spec = PrepareSpec(platform=Platform.META)

    def work(start: int, stop: int) -> None:
        batches = table.slice(start, stop - start).to_batches(max_chunksize=_BATCH_ROWS)
        with ThreadPoolExecutor(WORKERS) as pool:
            for _ in pool.map(lambda batch: prepare(batch, spec), batches):
                pass

    return work, rows


def facebook(rows: int) -> tuple[Callable[[int, int], object], int]:
    """Meta's SDK in its multi-key form, which is what an upload of several kinds needs."""
    from facebook_business.adobjects.customaudience import CustomAudience

    keys = CustomAudience.Schema.MultiKeySchema
    schema = [keys.email, keys.phone, keys.madid]
    cells = _cells(min(rows, PEER_ROWS))
    return lambda start, stop: CustomAudience.format_params(
        schema, cells[start:stop], is_raw=True
    ), len(cells)


def google(rows: int) -> tuple[Callable[[int, int], object], int]:
    """Google's own helper for the Data Manager API; it raises on what it cannot format."""
    from google.ads.datamanager_util.format import Encoding, Formatter

    formatter = Formatter()
    cells = _cells(min(rows, PEER_ROWS))

    def work(start: int, stop: int) -> None:
        for email, phone, _ in cells[start:stop]:
            for process, cell in (
                (formatter.process_email_address, email),
                (formatter.process_phone_number, phone),
            ):
                try:
                    process(cell, Encoding.HEX)
                except ValueError:
                    continue

    return work, len(cells)


def loop(rows: int) -> tuple[Callable[[int, int], object], int]:
    """What one writes in an afternoon: phonenumbers and hashlib, a row at a time."""
    import phonenumbers

    cells = _cells(min(rows, LOOP_ROWS))
    countries = _raw(len(cells))["country.0"].to_pylist()

    def phone_of(text: str, country: str) -> str | None:
        try:
            number = phonenumbers.parse(text, country)
        except phonenumbers.NumberParseException:
            return None
        if not phonenumbers.is_valid_number(number):
            return None
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    def work(start: int, stop: int) -> list[str]:
        hashes = []
        for (email, phone, _), country in zip(
            cells[start:stop], countries[start:stop], strict=True
        ):
            address = email.strip().lower()
            if "@" in address[1:-1]:
                hashes.append(hashlib.sha256(address.encode()).hexdigest())
            number = phone_of(phone, country)
            if number:
                hashes.append(hashlib.sha256(number[1:].encode()).hexdigest())
        return hashes

    return work, len(cells)


WAYS = {"kernel": kernel, "facebook": facebook, "google": google, "loop": loop}


def main() -> None:
    """Measure one way after a short warm-up; prints microseconds a profile."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("--rows", type=int, default=data.SMALL_ROWS)
    options = parser.parse_args()
    work, rows = WAYS[options.way](options.rows)
    work(0, _WARM_ROWS)
    gc.collect()
    gc.freeze()
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    work(0, rows)
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    gc.unfreeze()
    print(json.dumps({"rows": rows, "wall_us": wall_s / rows * 1e6, "cpu_us": cpu_s / rows * 1e6}))


if __name__ == "__main__":
    main()
