import json
from pathlib import Path
from typing import Any

import pytest

from campaigns_async.cli.support import describe_settings, read_versions, redact
from tests.cli.conftest import Beside, run

_CANARY = "eght_canary-S3CRET"


def _bundle(*arguments: str, **env: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run("support-bundle", *arguments, **env).stdout)
    return document


def test_versions_and_settings_are_told() -> None:
    """Of all that may matter; None for what is not there."""
    bundle = _bundle(EGHT_TENANT="acme", EGHT_SITE="UK3")

    assert bundle["versions"] == read_versions()
    assert bundle["versions"]["campaigns-async"].startswith("0.")
    assert bundle["settings"]["tenant"] == "acme"
    assert (bundle["settings"]["api_key"], bundle["settings"]["campaign"]) == ("not set", None)


@pytest.mark.parametrize("key", [_CANARY, "S3CRET without the prefix", 'S3CRET "quoted" ü'])
def test_the_key_is_never_in_it(service: Beside, tmp_path: Path, key: str) -> None:
    """Wherever it got to: a wrong variable, an address, a file that it is made of."""
    report = tmp_path / "r.json"
    report.write_text(json.dumps({"campaign": key, "stopped_by": {"reference": f"x {key}"}}))
    rejects = tmp_path / "r.jsonl"
    rejects.write_text(json.dumps({"instance": key, "time": "now", "code": 401}) + "\n")
    done = service.run(
        *("support-bundle", "--report", str(report), "--rejects", str(rejects)),
        EGHT_API_KEY=key,
        EGHT_TENANT=key,
        EGHT_SITE=_CANARY,
        EGHT_BASE_URL=f"https://user:{_CANARY}@example.com/x?key={_CANARY}",
        HTTPS_PROXY=f"http://user:{_CANARY}@proxy",
    )

    assert done.exit_code == 0
    assert "S3CRET" not in done.output
    assert json.loads(done.stdout)["settings"]["api_key"] == "set"


def test_references_come_from_the_files_of_an_upload(service: Beside, tmp_path: Path) -> None:
    """Instance and time, no ids; from the reject file and from the journal alike."""
    service.create_campaign(unknown_to_crm=["LOST-1"])
    path, rejects = tmp_path / "f.csv", tmp_path / "rejects.csv"
    path.write_text("crmRecordId\nA\nLOST-1\n")
    report = tmp_path / "report.json"
    service.run(
        *("upload", str(path), "--rejects", str(rejects), "--report", str(report), "--journal")
    )
    for option, file in (("--rejects", rejects), ("--journal", f"{path}.journal")):
        bundle = _bundle(option, str(file))
        (reference,) = bundle["references"]
        assert reference["instance"].startswith("/cc/US1/")
        assert (reference["code"], reference["rows"], bundle["references_in_all"]) == ("400", 1, 1)
        assert "LOST-1" not in json.dumps(bundle)
    assert bundle["journal"]["counts"] == {"ADDED": 1, "REJECTED": 1}
    assert _bundle("--report", str(report))["report"]["total"] == 2


def test_it_can_be_a_file(tmp_path: Path) -> None:
    """The same as on stdout; where it cannot be written, that is said."""
    output = tmp_path / "b.json"
    run("support-bundle", "--output", str(output))

    assert json.loads(output.read_text()) == _bundle()
    assert run("support-bundle", "--output", str(tmp_path / "no" / "b")).exit_code == 2


@pytest.mark.parametrize("option", ["--rejects", "--report", "--journal"])
@pytest.mark.parametrize("content", [None, b"[1]", b'{"a"', b"\xff\xfe\x00"])
def test_a_file_that_is_something_else_is_usage(
    tmp_path: Path, option: str, content: bytes | None
) -> None:
    """A sentence, whatever it holds."""
    path = tmp_path / "x"
    if content is not None:
        path.write_bytes(content)
    done = run("support-bundle", option, str(path))

    assert done.exit_code == 2
    assert "Traceback" not in done.output


def test_an_address_is_told_without_its_secrets() -> None:
    """Scheme, host, port and path; of a proxy, that there is one."""
    told = describe_settings({"EGHT_BASE_URL": "https://u:p@h:8443/x?q", "https_proxy": "x"})

    assert told["base_url"] == "https://h:8443/x"
    assert told["set_besides"] == ["HTTPS_PROXY"]
    assert describe_settings({"EGHT_BASE_URL": "https://[x"})["base_url"] == "[cannot be read]"
    assert redact("a eght_x b", None) == "a [API key] b"
