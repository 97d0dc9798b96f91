"""The catalogue behind a pooler, which hands over connections that others used before and will use after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest

from downloader.catalogue import (
    CatalogueAddress,
    CatalogueError,
    CatalogueRefused,
    CatalogueUnreachable,
    find_raw_file,
    open_catalogue,
)
from downloader.catalogue import postgres as postgres_module
from support.poolers import client, pgbouncer, refusing, two_server_connections
from support.postgres import PostgresDatabase

RECORDS = 12
"""psycopg would prepare what is asked a sixth time."""


@pytest.fixture
def filled(postgres: PostgresDatabase) -> PostgresDatabase:
    for number in range(RECORDS):
        postgres.insert(f"sample_{number}", {"a.raw": [number, None]})
    return postgres


@pytest.fixture(params=["transaction", "session"])
def pooled(request: pytest.FixtureRequest, filled: PostgresDatabase) -> Iterator[CatalogueAddress]:
    """Behind PgBouncer, which gives each transaction the other of two connections, or each client one of them."""
    settings = {"pool_mode": request.param, "default_pool_size": 2, "server_round_robin": 1, "server_reset_query": ""}
    with pgbouncer(filled, **settings) as address:
        two_server_connections(address)
        yield address


def test_every_record_is_read_and_nothing_is_left_to_the_next_client(pooled: CatalogueAddress) -> None:
    with closing(open_catalogue(pooled)) as catalogue:
        for number in range(RECORDS):
            assert find_raw_file(catalogue, f"sample_{number}").file_info == {"a.raw": [number, None]}
        assert catalogue.similar("sampel_3", 1) == ["sample_3"]
        assert len(catalogue.ids_of_project("PRID001", 100)) == RECORDS
    with closing(client(pooled)) as first, closing(client(pooled)) as second:
        for other in (first, second):
            left = other.execute(
                "SELECT current_setting('statement_timeout'), current_setting('default_transaction_read_only'),"
                " current_setting('transaction_read_only'), (SELECT count(*) FROM pg_prepared_statements)"
            )
            assert left.fetchone() == ("0", "off", "off", 0)


def test_nothing_can_be_written_through_a_pooler(pooled: CatalogueAddress) -> None:
    with closing(postgres_module.connect(pooled)) as connection:
        for statement in (b"UPDATE raw_file SET id = 'x'", b"DELETE FROM raw_file", b"CREATE TABLE t (a int)"):
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                connection.execute(statement)
            connection.rollback()


def test_a_locked_table_is_not_waited_for_for_ever(pooled: CatalogueAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_module, "_TIME_LIMIT", "50ms")
    with closing(open_catalogue(pooled)) as catalogue, closing(client(pooled)) as writer:
        writer.execute("LOCK TABLE raw_file")
        with pytest.raises(CatalogueUnreachable, match="statement timeout"):
            catalogue.get("sample_1")


def problem_at(address: CatalogueAddress) -> CatalogueError:
    with pytest.raises(CatalogueError) as caught:
        open_catalogue(address).get("sample_1")
    return caught.value


def test_an_option_that_pgbouncer_refuses_is_named(filled: PostgresDatabase) -> None:
    with pgbouncer(filled) as address:
        problem = problem_at(replace(address, options={"options": "-c search_path=lab"}))
    assert not problem.retryable
    assert problem.to_do.startswith("remove options from the extra of the catalogue's connection, or let the pooler ")


def test_pgbouncer_without_a_free_connection_is_retryable(filled: PostgresDatabase) -> None:
    with pgbouncer(filled, max_client_conn=1) as address, closing(client(address)):
        problem = problem_at(address)
        assert problem.retryable
        assert "has no connection free (connection failed: " in problem.what


def test_pgbouncer_that_lets_a_client_wait_too_long_is_retryable(filled: PostgresDatabase) -> None:
    settings = {"pool_mode": "transaction", "default_pool_size": 1, "query_wait_timeout": 1}
    with pgbouncer(filled, **settings) as address, closing(client(address)) as other:
        other.execute("SELECT 1")
        problem = problem_at(address)
    assert problem.retryable
    assert problem.what.endswith("has no connection free (query_wait_timeout)")


def test_a_pooler_that_lets_a_client_wait_for_ever_is_given_up(
    filled: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_module, "_PATIENCE_SECONDS", 0.2)
    settings = {"pool_mode": "transaction", "default_pool_size": 1, "query_wait_timeout": 0}
    with pgbouncer(filled, **settings) as address, closing(open_catalogue(address)) as catalogue:
        with closing(client(address)) as other:
            other.execute("SELECT 1")
            with pytest.raises(CatalogueUnreachable, match=r"gave no answer in 0\.2 seconds; .*a pooler before it"):
                catalogue.get("sample_1")
        monkeypatch.undo()
        assert catalogue.get("sample_1") is not None


def test_pgbouncer_that_pools_statements_allows_no_transactions(filled: PostgresDatabase) -> None:
    with pgbouncer(filled, pool_mode="statement") as address:
        problem = problem_at(address)
    assert not problem.retryable
    assert problem.to_do == "set its pool_mode for this database to transaction or session"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("server login has been failing, try again later (server_login_retry)", "does not reach the database"),
        ("pgbouncer cannot connect to server", "does not reach the database"),
        ("client_login_timeout (server down)", "does not reach the database"),
        ("odyssey: c1: failed to connect to remote server s1", "does not reach the database"),
        ("could not get connection from the server pool - AllServersDown", "does not reach the database"),
        ("odyssey: c1: too many active clients for user (pool_size for user lab.me reached 5)", "no connection free"),
        ("Timed-out waiting to acquire database connection", "no connection free"),
        ("MaxClientsInSessionMode: max clients reached", "no connection free"),
        ("sorry, too many clients already", "no connection free"),
        ("remaining connection slots are reserved for roles with the SUPERUSER attribute", "no connection free"),
        ('no entry for "authentication", which "does not exist" here, yet', "does not answer"),
        ("the database system is starting up", "does not answer"),
        ("terminating connection due to administrator command", "does not answer"),
    ],
)
def test_what_may_pass_at_a_pooler_is_retryable(message: str, words: str) -> None:
    with refusing(message) as address:
        problem = problem_at(address)
    assert isinstance(problem, CatalogueUnreachable)
    assert words in problem.what
    assert message in problem.what


@pytest.mark.parametrize(
    "message",
    [
        "no such database: lab",
        "no such user: me",
        "SSL required",
        "bouncer config error",
        "server login has been failing, cached error: password authentication failed (server_login_retry)",
        'No pool configured for database: "lab", user: "me"',
        "odyssey: c1: route for 'lab.me' is not found",
        "odyssey: c1: incorrect password",
        "This RDS proxy has no credentials for the role me. Check the credentials for this role and try again.",
        "This RDS Proxy requires TLS connections",
        "Feature not supported: RDS Proxy currently doesn't support command-line options.",
        "unsupported startup parameter in options: search_path",
        "Tenant or user not found",
    ],
)
def test_what_a_pooler_refuses_for_good_is_not_retryable(message: str) -> None:
    with refusing(message) as address:
        problem = problem_at(address)
    assert isinstance(problem, CatalogueRefused)
    assert message in problem.what


@pytest.mark.parametrize(
    ("state", "message", "words"),
    [
        ("40001", "canceling statement due to conflict with recovery", "is a replica"),
        ("40P01", "canceling statement due to conflict with recovery", "is a replica"),
        ("XX000", "pooler error: unable to check out connection from the pool", "no connection free"),
        ("53200", "out of memory", "does not answer"),
        ("57P03", "the database system is in recovery mode", "does not answer"),
    ],
)
def test_what_may_pass_during_a_query_is_retryable(
    postgres: PostgresDatabase, state: str, message: str, words: str
) -> None:
    """A view raises it, in the place of the server."""
    postgres.execute(
        "DROP TABLE raw_file; CREATE FUNCTION failing() RETURNS text LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = '{state}'; END $$;"
        "CREATE VIEW raw_file AS SELECT failing() AS id, NULL AS project_id, NULL AS s3_upload_path,"
        " NULL AS backup_status, NULL AS file_info"
    )
    problem = problem_at(postgres.address)
    assert problem.retryable
    assert words in problem.what
