"""What a person does to an audience on the platform itself, past audsync."""

import hashlib
from collections.abc import Sequence
from contextlib import closing

import pyarrow as pa

from audsync.domain import Action, Kind, RemoteId, UploadBatch
from tests.services.test_platforms import Person, Shop


def remove_by_hand(shop: Shop, people: Sequence[Person]) -> None:
    """Take people out of the only audience, with all that they are known by."""
    (remote,) = shop.remotes()
    values = {
        Kind.EMAIL: [email for _, email, _ in people],
        Kind.PHONE: [shop.case.phone_prefix + phone for _, _, phone in people],
    }
    with closing(shop.runtime.connect("ads")) as connector:
        for session, (kind, texts) in enumerate(values.items(), start=1):
            digests = [hashlib.sha256(text.encode()).digest() for text in texts]
            rows = len(digests)
            members = pa.table(
                {
                    "row": pa.array(range(rows), pa.int32()),
                    "kind": pa.array([int(kind)] * rows, pa.uint8()),
                    "value": pa.array(digests, pa.binary()),
                }
            )
            batch = UploadBatch(
                audience=RemoteId(remote.id),
                action=Action.REMOVE,
                session=session,
                number=1,
                is_last=True,
                rows=rows,
                session_rows=rows,
                kinds=(kind,),
                members=members,
            )
            connector.send(batch)
    shop.clock.advance(3600)
