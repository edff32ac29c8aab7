"""What Alembic runs around the revisions; the caller brings a connection and its transaction.

A new revision is written by hand in versions/, with its way back, and `migrate._HEAD` names it.
The tests compare what the revisions build with tables.py, and print what is missing.
"""

from alembic import context

from audsync.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
