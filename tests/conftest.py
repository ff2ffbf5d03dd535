"""Fixtures for every test."""

import gc
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.core.management.commands import flush
from django.core.management.sql import emit_post_migrate_signal
from django.db import connection
from django.db.models import Model
from django.test import override_settings
from hypothesis import HealthCheck, settings
from whitenoise import WhiteNoise

from extraction.documents import sandbox
from extraction.models import Role
from logs import levels
from logs.handler.handler import DatabaseHandler
from tests import preloaded, processes
from tests.extraction.same_input import remembering
from tests.made_once import migrated_database
from tokens import price_list
from tokens.models import ModelPrice

# How long an example takes, or its making, is the machine's affair.
settings.register_profile(
    "untimed", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that start a site, which take longest, and end with the browser's.

    Playwright's event loop, once started, bars Django's ORM. pytest-xdist hands the modules out in
    this order (``--dist loadfile --no-loadscope-reorder``). What either runs of the project runs in
    other processes: measuring this one would double its time and tell nothing.
    """
    for item in items:
        if _marked(item, "browser") or _starts_a_site(item):
            item.add_marker("no_cover")
    items.sort(key=lambda item: (_marked(item, "browser"), not _starts_a_site(item)))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Have the garbage collector pass over what was collected, and look less often.

    It took a quarter of the time of tests that migrate: what it finds is seldom garbage.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    gc.enable()


def _starts_a_site(item: pytest.Item) -> bool:
    return _marked(item, "crash") and not _marked(item, "django_db")


def _marked(item: pytest.Item, name: str) -> bool:
    return item.get_closest_marker(name) is not None


@pytest.fixture(scope="session", autouse=True)
def _no_log_rows() -> Iterator[None]:
    """Take the database handler off the root logger, as long as tests run.

    Its thread would wait for every test's open transaction, and write rows that no test expects.
    Tests of the handler make their own. Nor is the database asked for levels beside the tests.
    """
    levels.ended.set()
    root = logging.getLogger()
    handlers = [handler for handler in root.handlers if isinstance(handler, DatabaseHandler)]
    for handler in handlers:
        root.removeHandler(handler)
    yield
    for handler in handlers:
        root.addHandler(handler)


@pytest.fixture(scope="session", autouse=True)
def _no_guard_of_the_database() -> Iterator[None]:
    """Have workers that run in this process refuse no database: every test would meet that."""
    with mock.patch("tokens.installation.guard"):
        yield


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_keepdb: bool, django_db_modify_db_settings: None) -> bool:
    """Begin with a copy of a migrated database on SQLite; Django's set-up finds it up to date."""
    if connection.vendor != "sqlite":
        return django_db_keepdb
    database = Path(str(connection.settings_dict["TEST"]["NAME"]))
    if not database.exists():
        shutil.copy(migrated_database(), database)
    return True


@pytest.fixture
def same_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the sandbox answer at once what it was asked before about the same bytes."""
    monkeypatch.setattr(sandbox, "run", remembering(sandbox.run))


@contextmanager
def _without_coverage_if_unmeasured(item: pytest.Item) -> Iterator[None]:
    """Take coverage's tracer out of this thread, and of those that it starts meanwhile."""
    controller = getattr(item.config.pluginmanager.get_plugin("_cov"), "cov_controller", None)
    if controller is None or not (_marked(item, "no_cover") and controller.started):
        yield
        return
    controller.pause()
    try:
        yield
    finally:
        with _processes_as_before():
            controller.resume()


_MEASURED = "COVERAGE_PROCESS_CONFIG"


@contextmanager
def _processes_as_before() -> Iterator[None]:
    """Leave it at who is measured: coverage has every process measured from its start on."""
    config = os.environ.get(_MEASURED)
    try:
        yield
    finally:
        os.environ.pop(_MEASURED, None)
        if config is not None:
            os.environ[_MEASURED] = config


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Measure no fixture of a test that is marked ``no_cover``: pytest-cov's hook is the call's."""
    with _without_coverage_if_unmeasured(item):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call() -> Iterator[None]:
    """Have pytest-cov, which stops and starts coverage here, measure no process from then on."""
    with _processes_as_before():
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """The same for what puts an end to them."""
    with _without_coverage_if_unmeasured(item):
        return (yield)


@pytest.fixture(scope="session", autouse=True)
def _coverage_of_processes() -> Iterator[str | None]:
    """Run the processes that tests start without coverage, which doubles their time."""
    config = os.environ.pop(_MEASURED, None)
    yield config
    if config is not None:
        os.environ[_MEASURED] = config


@pytest.fixture(scope="session")
def measuring(_coverage_of_processes: str | None) -> dict[str, str]:
    """The environment by which a process is measured; empty where nothing is."""
    return {} if _coverage_of_processes is None else {_MEASURED: _coverage_of_processes}


@pytest.fixture
def measured_processes(measuring: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Count what the processes that a test starts run, for lines that no test runs in this one."""
    for name, value in measuring.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session", autouse=True)
def _servers_of_processes() -> Iterator[None]:
    """End them with the session: mutmut forks this process afterwards, for one more session."""
    yield
    processes.stop_server()
    preloaded.stop_server()


@pytest.fixture(scope="session", autouse=True)
def _fast_flush() -> Iterator[None]:
    """Empty the tables after a transactional test in milliseconds; they hold the same afterwards.

    Django looks for each content type and permission with queries of its own, and so for the roles.
    Here they are written as the first flush left them, and the prices as the migration did: calls
    would have no cost. PostgreSQL makes new files for each table that it truncates: deleting a few
    rows takes a fiftieth of the time.
    """
    models = (ContentType, Permission, Group, Group.permissions.through, Role)
    kept: list[list[Model]] = []

    def restore(verbosity: int, interactive: bool, db: str) -> None:
        if not kept:
            emit_post_migrate_signal(verbosity, interactive, db)
            kept.extend(list(model._default_manager.using(db)) for model in models)
        else:
            for rows in kept:
                type(rows[0])._default_manager.using(db).bulk_create(rows)
        ModelPrice.objects.using(db).bulk_create(ModelPrice(**row) for row in price_list.rows())

    def delete(_style: object, tables: list[str], **_options: bool) -> list[str]:
        return [f"DELETE FROM {connection.ops.quote_name(table)}" for table in tables]

    with ExitStack() as patches:
        patches.enter_context(mock.patch.object(flush, "emit_post_migrate_signal", restore))
        if connection.vendor == "postgresql":
            operations = type(connection.ops)
            patches.enter_context(mock.patch.object(operations, "sql_flush", staticmethod(delete)))
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_host() -> Iterator[None]:
    """Have this process's clock be the one that all share: tests set it."""
    with mock.patch("ocrsite.lib.clock._is_shared", return_value=False):
        yield


@pytest.fixture(scope="session", autouse=True)
def _fast_passwords() -> Iterator[None]:
    """Hash passwords in a millisecond: Django's default takes a quarter of a second, on purpose."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(scope="session", autouse=True)
def static_files() -> Iterator[None]:
    """Collect the static files once: pages name them by the manifest, as in production.

    WhiteNoise looks at each of them when a middleware is made, for each client of each test. Here
    it looks once in a process.
    """
    call_command("collectstatic", interactive=False, verbosity=0)
    look = WhiteNoise.update_files_dictionary
    found: dict[tuple[str, str], dict[str, object]] = {}

    def look_once(server: WhiteNoise, root: str, prefix: str) -> None:
        if (root, prefix) not in found:
            look(server, root, prefix)
            found[root, prefix] = dict(server.files)
        server.files.update(found[root, prefix])

    with mock.patch.object(WhiteNoise, "update_files_dictionary", look_once):
        yield
