import contextlib
import copy
import os
import pickle
import traceback
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async.errors import ConfigurationError
from campaigns_async.settings import (
    ENVIRONMENT,
    SITES,
    ApiKey,
    Limits,
    RetryPolicy,
    Settings,
    Timeout,
    mask_key,
    parse_api_key,
    parse_base_url,
    parse_tenant,
    parse_user_agent_suffix,
    read_environment,
)

KEY = "eght_CANARY"
US1 = "https://api.8x8.com/cc/US1/campaigns/v1"


def settings(**changes: Any) -> Settings:
    """Settings that are right but for the changes; the key is masked as a session does it."""
    return Settings(**mask_key({"api_key": KEY, "tenant": "acme", "site": "US1", **changes}))


def test_what_is_right_is_taken() -> None:
    """Key, tenant and site are all that is needed; the rest has defaults."""
    made = settings()
    assert (made.api_key, made.tenant, made.root) == (KEY, "acme", US1)
    assert (made.timeout, made.retry, made.limits) == (Timeout(), RetryPolicy(), Limits())


def test_the_defaults_are_the_documented_ones() -> None:
    """Timeouts, retries and limits start from the design's numbers."""
    assert attrs.astuple(Timeout()) == (10, 30, 60)
    assert attrs.asdict(RetryPolicy()) == {
        "max_attempts": 5,
        "base": 0.5,
        "cap": 20,
        "deadline": 120,
        "budget": 50,
        "repeat_ambiguous_actions": False,
        "gateway_resends": False,
    }
    assert attrs.astuple(Limits()) == (16, 4, None, 1, None)


# --- the key


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (None, "there is no API key: pass api_key, or set EGHT_API_KEY"),
        ("", "there is no API key: pass api_key, or set EGHT_API_KEY"),
        (5, "the API key is of type int; it must be a string"),
        (b"eght_x", "the API key is of type bytes; it must be a string"),
        ("eght_x\n", "the API key begins or ends with a space or a line break; strip it"),
        (" eght_x", "the API key begins or ends with a space or a line break; strip it"),
        ("eght_x y", "the API key has a character that cannot be in a key"),
        ("eght_x\r\nX-Evil: 1", "the API key has a character that cannot be in a key"),
        ("eght_\u00e9", "the API key has a character that cannot be in a key"),
        ("eght-x", "the API key does not begin with eght_; take the Key value of the app"),
        ("Basic abc", "the API key has a character that cannot be in a key"),
    ],
    ids=repr,
)
def test_a_wrong_key_is_refused_with_the_reason(key: Any, reason: str) -> None:
    """What would fail with 401, or break the header, is said at construction."""
    with pytest.raises(ConfigurationError) as caught:
        settings(api_key=key)
    assert str(caught.value).startswith(reason)
    assert str(caught.value).isprintable()


def test_a_key_is_a_string_where_it_is_needed() -> None:
    """The header gets the real text."""
    key = settings().api_key
    assert isinstance(key, ApiKey)
    assert str(key) == key == KEY
    assert {"X-API-Key": key}["X-API-Key"].encode() == KEY.encode()


def test_a_key_does_not_show_itself() -> None:
    """Neither the repr of the settings nor that of anything that holds the key shows it."""
    made = settings()
    for shown in (repr(made), repr(made.api_key), f"{made!r}", repr([made.api_key]), str(made)):
        assert "CANARY" not in shown
        assert "eght_***" in shown


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_key_does_not_pickle(protocol: int) -> None:
    """Pickling settings is refused with what to do instead, and nothing of the key is written."""
    for holder in (settings(), settings().api_key):
        with pytest.raises(ConfigurationError, match="make a new session in the other process"):
            pickle.dumps(holder, protocol)


def test_settings_can_be_copied() -> None:
    """A copy within the process has the key, masked."""
    made = settings()
    for copied in (copy.copy(made), copy.deepcopy(made), attrs.evolve(made, tenant="b")):
        assert copy.copy(copied.api_key) is copied.api_key
        assert copied.api_key == KEY
        assert "CANARY" not in repr(copied)


WRONG_WITH_KEY: list[dict[str, Any]] = [
    {"api_key": KEY + " x"},
    {"api_key": "\n" + KEY},
    {"api_key": "x" + KEY},
    {"tenant": ""},
    {"tenant": "a\nb"},
    {"site": "MOON"},
    {"base_url": "http://example.com"},
    {"base_url": "https://[bad"},
    {"user_agent_suffix": "\n"},
    {"timeout": 5},
]


@pytest.mark.parametrize("wrong", WRONG_WITH_KEY, ids=str)
def test_no_traceback_shows_a_key(wrong: dict[str, Any]) -> None:
    """A traceback with the locals of the library's frames does not hold the key."""
    arguments = mask_key({"api_key": KEY, "tenant": "acme", "site": "US1", **wrong})
    del wrong
    with pytest.raises(ConfigurationError) as caught:
        Settings(**arguments)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    text = "".join(shown.format())
    assert "arguments" in text
    assert "CANARY" not in text
    assert "CANARY" not in repr(vars(caught.value))


@given(st.text())
def test_any_key_is_taken_or_refused_without_an_echo(text: str) -> None:
    """Whatever a key is, it is taken as it is, or refused by one of few sentences."""
    secret = f"CANARY{text}CANARY"
    with pytest.raises(ConfigurationError) as caught:
        parse_api_key(secret)
    assert "CANARY" not in str(caught.value)
    with contextlib.suppress(ConfigurationError):
        assert parse_api_key("eght_" + text) == "eght_" + text


# --- tenant, site, address


@pytest.mark.parametrize(
    ("tenant", "reason"),
    [
        (None, "there is no tenant: pass tenant, or set EGHT_TENANT"),
        ("", "there is no tenant: pass tenant, or set EGHT_TENANT"),
        (5, "the tenant is of type int; it must be a string"),
        ("acme\n", "the tenant begins or ends with a space or a line break; strip it"),
        ("a\r\nX-Evil: 1", r"the tenant 'a\r\nX-Evil: 1' has a character that cannot be in a"),
        ("caf\u00e9", "the tenant 'café' has a character that cannot be in a header"),
    ],
    ids=repr,
)
def test_a_wrong_tenant_is_refused_with_the_reason(tenant: Any, reason: str) -> None:
    """What cannot be in a header is said at construction."""
    with pytest.raises(ConfigurationError) as caught:
        settings(tenant=tenant)
    assert str(caught.value).startswith(reason)


@given(st.text())
def test_a_tenant_fits_into_a_header_or_is_refused(text: str) -> None:
    """A tenant that is taken is one line of ASCII."""
    with contextlib.suppress(ConfigurationError):
        assert parse_tenant(text).isascii()
        assert parse_tenant(text).isprintable()


@pytest.mark.parametrize("site", SITES)
def test_a_site_gives_the_vendors_address(site: str) -> None:
    """Each site has its own root."""
    assert settings(site=site).root == f"https://api.8x8.com/cc/{site}/campaigns/v1"


@pytest.mark.parametrize("site", [None, "", "us1", "MOON", 5, ["US1"]], ids=repr)
def test_an_unknown_site_is_refused_with_the_known_ones(site: Any) -> None:
    """The error says which sites there are, and what else one may pass."""
    with pytest.raises(ConfigurationError, match=r"one of US1 .* UK3 .*or a base_url"):
        settings(site=site)


@pytest.mark.parametrize(
    ("base_url", "root"),
    [
        ("https://example.com/x/", "https://example.com/x"),
        ("https://example.com", "https://example.com"),
        ("HTTPS://example.com:8443/x", "HTTPS://example.com:8443/x"),
        ("http://localhost:8080/v1", "http://localhost:8080/v1"),
        ("http://a.localhost", "http://a.localhost"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ("http://[::1]:1/", "http://[::1]:1"),
    ],
)
def test_a_base_url_replaces_the_root(base_url: str, root: str) -> None:
    """https, or http to this machine, without a slash at the end; the site may be left out."""
    assert settings(base_url=base_url, site=None).root == root
    assert settings(base_url=base_url, site="US1").root == root


@pytest.mark.parametrize(
    ("base_url", "reason"),
    [
        ("", "must begin with https:// and a host"),
        ("example.com", "must begin with https:// and a host"),
        ("https://", "must begin with https:// and a host"),
        ("ftp://example.com", "must begin with https:// and a host"),
        ("http://example.com", "is not https: the API key would travel in the clear"),
        ("http://128.0.0.1", "is not https: the API key would travel in the clear"),
        ("http://localhost.evil.com", "is not https: the API key would travel in the clear"),
        ("https://u:p@example.com", "scheme, host and path alone"),
        ("https://example.com/?a=b", "scheme, host and path alone"),
        ("https://example.com/#a", "scheme, host and path alone"),
        ("https://example.com/a b", "scheme, host and path alone"),
        ("https://example.com:x", "the base_url cannot be read"),
        ("https://example.com:99999", "the base_url cannot be read"),
        ("https://[bad", "the base_url cannot be read"),
        ("https://ex\u00e4mple.com", "must be a URL such as"),
        ("https://example.com/\n", "must be a URL such as"),
        (5, "must be a URL such as"),
    ],
    ids=repr,
)
def test_a_wrong_base_url_is_refused_with_the_reason(base_url: Any, reason: str) -> None:
    """The key goes to that address, so it must be one that is meant."""
    with pytest.raises(ConfigurationError) as caught:
        settings(base_url=base_url)
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()


@given(st.text() | st.text("htps:/[]@?#.:1a \n").map("https://".__add__))
def test_any_address_is_a_root_or_refused(text: str) -> None:
    """Any text is an address, or a ConfigurationError and nothing else."""
    with contextlib.suppress(ConfigurationError):
        assert not parse_base_url(text, None).endswith("/")


@pytest.mark.parametrize("suffix", ["a\nb", "caf\u00e9", 5], ids=repr)
def test_a_wrong_user_agent_is_refused(suffix: Any) -> None:
    """What cannot be in a header is refused by name."""
    with pytest.raises(ConfigurationError, match=r"^user_agent_suffix .* cannot be in a header$"):
        settings(user_agent_suffix=suffix)
    assert parse_user_agent_suffix("app/1.0 (x)") == "app/1.0 (x)"
    assert parse_user_agent_suffix(None) is None


# --- the environment


def test_the_environment_gives_what_is_set() -> None:
    """Each setting has its variable; an empty one counts as not set, and others are left alone."""
    environ = {"EGHT_API_KEY": KEY, "EGHT_TENANT": "acme", "EGHT_SITE": "", "PATH": "/bin"}
    found = read_environment(environ)
    assert found == {"api_key": KEY, "tenant": "acme"}
    assert "CANARY" not in repr(found)
    every = {variable: name for name, variable in ENVIRONMENT.items()}
    assert read_environment(every) == {name: name for name in ENVIRONMENT}
    assert read_environment({}) == {}


def test_the_environment_is_the_processes_own_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an argument the variables are those of the process at that moment."""
    for variable in ENVIRONMENT.values():
        monkeypatch.delenv(variable, raising=False)
    assert read_environment() == {}
    monkeypatch.setenv("EGHT_SITE", "UK3")
    assert os.environ["EGHT_SITE"] == "UK3"
    assert read_environment() == {"site": "UK3"}


def test_a_key_among_arguments_is_masked() -> None:
    """Arguments come back as they are, but for a key that no longer shows."""
    arguments = {"api_key": KEY, "tenant": "acme"}
    assert mask_key(arguments) == arguments
    assert "CANARY" not in repr(mask_key(arguments))
    assert mask_key({"tenant": "acme"}) == {"tenant": "acme"}
    assert mask_key({"api_key": None}) == {"api_key": None}


# --- numbers


@pytest.mark.parametrize(
    ("cls", "wrong", "reason"),
    [
        (Timeout, {"connect": 0}, "Timeout.connect must be above 0, not 0"),
        (Timeout, {"read": -1}, "Timeout.read must be above 0, not -1"),
        (Timeout, {"total": None}, "Timeout.total must be a finite number, not None"),
        (Timeout, {"total": "60"}, "Timeout.total must be a finite number, not '60'"),
        (Timeout, {"total": float("nan")}, "Timeout.total must be a finite number, not nan"),
        (Timeout, {"total": True}, "Timeout.total must be a finite number, not True"),
        (RetryPolicy, {"max_attempts": 0}, "RetryPolicy.max_attempts must be at least 1, not 0"),
        (
            RetryPolicy,
            {"max_attempts": 2.5},
            "RetryPolicy.max_attempts must be a whole number, not 2.5",
        ),
        (RetryPolicy, {"base": 0}, "RetryPolicy.base must be above 0, not 0"),
        (RetryPolicy, {"cap": 0}, "RetryPolicy.cap must be above 0, not 0"),
        (RetryPolicy, {"deadline": 0}, "RetryPolicy.deadline must be above 0, not 0"),
        (RetryPolicy, {"budget": -1}, "RetryPolicy.budget must be at least 0, not -1"),
        (Limits, {"max_in_flight": 0}, "Limits.max_in_flight must be at least 1, not 0"),
        (Limits, {"max_in_flight": True}, "Limits.max_in_flight must be a finite number, not True"),
        (Limits, {"initial_in_flight": 0}, "Limits.initial_in_flight must be at least 1, not 0"),
        (Limits, {"burst": 1.5}, "Limits.burst must be a whole number, not 1.5"),
        (
            Limits,
            {"requests_per_second": 0},
            "Limits.requests_per_second must be above 0, not 0",
        ),
        (Limits, {"limiter": 3}, "Limits.limiter must be an object with acquire(), or None, not 3"),
        (
            RetryPolicy,
            {"gateway_resends": "no"},
            "RetryPolicy.gateway_resends must be True or False, not 'no'",
        ),
        (
            RetryPolicy,
            {"repeat_ambiguous_actions": 0},
            "RetryPolicy.repeat_ambiguous_actions must be True or False, not 0",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_value_is_refused_by_name(
    cls: type[Timeout | RetryPolicy | Limits], wrong: dict[str, Any], reason: str
) -> None:
    """The error says which setting, what it must be, and what was given."""
    with pytest.raises(ConfigurationError) as caught:
        cls(**wrong)
    assert str(caught.value) == reason


@pytest.mark.parametrize("name", ["timeout", "retry", "limits"])
@pytest.mark.parametrize("wrong", [30, None, {"total": 30}], ids=repr)
def test_a_policy_of_another_kind_is_refused(name: str, wrong: Any) -> None:
    """``timeout=30`` is refused at construction, with the class to use."""
    kind = {"timeout": "Timeout", "retry": "RetryPolicy", "limits": "Limits"}[name]
    with pytest.raises(ConfigurationError, match=f"^{name} must be a {kind}, not "):
        settings(**{name: wrong})


@pytest.mark.parametrize(
    "value", [Timeout(total=5), RetryPolicy(max_attempts=1, budget=0), Limits(burst=3)]
)
def test_policies_are_values(value: Timeout | RetryPolicy | Limits) -> None:
    """Policies cannot be changed, equal their copies, and pickle."""
    back = pickle.loads(pickle.dumps(value))  # noqa: S301 - our own bytes
    assert back == value == copy.deepcopy(value)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(value, attrs.fields(type(value))[0].name, 1)


def test_what_cannot_be_called_cannot_listen() -> None:
    """It is refused at construction as ``on_event``; nobody listens by default."""
    assert (settings().on_event, settings().event_ids) == (None, False)
    assert settings(on_event=print).on_event is print
    with pytest.raises(ConfigurationError, match="on_event must be something to call"):
        settings(on_event="otel")
    with pytest.raises(ConfigurationError, match="event_ids must be True or False"):
        settings(event_ids="yes")
