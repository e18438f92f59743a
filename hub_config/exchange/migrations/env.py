# SPDX-License-Identifier: BSD-3-Clause
"""Run by alembic with the connection that ``database.upgrade`` opened."""

from alembic import context

from labroom.hub_config.exchange.models import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    transactional_ddl=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
