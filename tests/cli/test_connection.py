from pathlib import Path

import pytest

from campaigns_async.cli.connection import Connection, read_connection
from campaigns_async.cli.failures import Failure
from campaigns_async.settings import Limits
from tests.cli.conftest import Beside, run

_SECRET = "eght_canary_0123456789"


def _read(path: Path | None = None, **options: str | None) -> Connection:
    settings: dict[str, str | None] = {"tenant": "acme", "site": "UK3", "base_url": None}
    return read_connection(api_key_file=path, **{**settings, **options})


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """And shows in no repr."""
    monkeypatch.setenv("EGHT_API_KEY", _SECRET)
    connection = _read()

    assert connection.api_key == _SECRET
    assert _SECRET not in repr(connection)


def test_a_key_file_counts_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its line break, and the mark that some editors put before it, are no part of the key."""
    monkeypatch.setenv("EGHT_API_KEY", "eght_other")
    path = tmp_path / "key"
    path.write_text(f"\ufeff{_SECRET}\n", "utf-8")

    assert _read(path).api_key == _SECRET


def test_a_key_file_that_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    """It names the file and never its content."""
    with pytest.raises(Failure, match="cannot be read: No such file"):
        _read(tmp_path / "absent")
    (tmp_path / "key").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(Failure, match="is no text"):
        _read(tmp_path / "key")


@pytest.mark.parametrize(
    ("options", "told", "next_step"),
    [
        ({}, "there is no API key", "--api-key-file"),
        ({"tenant": None}, "there is no", "set EGHT"),
    ],
)
def test_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, None], told: str, next_step: str
) -> None:
    """With the variable and the option that give it."""
    monkeypatch.delenv("EGHT_API_KEY", raising=False)
    with pytest.raises(Failure, match=told) as failed:
        _read(**options)

    assert next_step in str(failed.value.next_step)


def test_all_that_is_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what to do about each."""
    monkeypatch.delenv("EGHT_API_KEY", raising=False)
    with pytest.raises(Failure, match="there is no API key and no tenant and no site") as failed:
        _read(tenant=None, site=None)
    for option in ("--api-key-file", "--tenant", "--site"):
        assert option in str(failed.value.next_step)


def test_a_site_that_is_asked_for_counts_before_an_address_in_the_environment(
    service: Beside,
) -> None:
    """An address that was left there is not what this command asks for."""
    done = service.run("pause", "--site", "XX9")

    assert "XX9" in done.stderr
    assert (done.exit_code, service.emulator.request_count) == (2, 0)
    assert service.run("pause", EGHT_SITE="XX9").exit_code == 0


def test_a_site_or_an_address_is_needed() -> None:
    """One of them is enough."""
    done = run("pause", "--campaign", "x", "--tenant", "t", EGHT_API_KEY=_SECRET)

    assert "There is no site." in done.stderr
    assert "US1, US2, UK3" in done.stderr


async def test_a_session_has_the_limits_that_are_asked_for() -> None:
    """And says in its user agent that a person sits before it."""
    connection = Connection(api_key=None, tenant="acme", site="UK3")
    with pytest.raises(Exception, match="there is no API key"):
        connection.open()


def test_an_option_counts_before_the_environment(service: Beside) -> None:
    """The tenant of the environment is right, that of the option is not."""
    done = service.run("pause", "--tenant", "someone-else")

    assert done.exit_code == 4
    assert service.run("pause").exit_code == 0


def test_no_option_takes_the_key(service: Beside) -> None:
    """Others on the machine see arguments; and what a refusal prints never holds it."""
    assert service.run("pause", "--api-key", _SECRET).exit_code == 2
    done = service.run("pause", "--debug", EGHT_API_KEY=_SECRET)
    assert done.exit_code == 4
    assert _SECRET not in done.output


def test_limits_default_to_the_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """None asked for, none changed."""
    monkeypatch.setenv("EGHT_API_KEY", _SECRET)
    assert _read().open().settings.limits == Limits()
    assert _read().open(Limits(max_in_flight=3)).settings.limits.max_in_flight == 3
