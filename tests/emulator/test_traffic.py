import json

from campaigns_async.emulator.service import ServiceRequest
from campaigns_async.emulator.traffic import Traffic
from tests.emulator.conftest import HEADERS, KEY, T0, records


def request(number: int, body: object = None) -> ServiceRequest:
    """A request with the key."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ServiceRequest(
        number=number,
        method="POST",
        path="/x",
        headers={"X-API-Key": KEY, "X-8x8-Tenant": "demo-tenant"},
        body=raw,
    )


def test_the_log_never_holds_the_key() -> None:
    """Headers are kept in lower case, without those that are secret."""
    entry = Traffic(keep=1).note(request(1), T0)
    assert dict(entry.headers) == {"x-8x8-tenant": "demo-tenant"}
    assert KEY not in repr(entry)
    assert KEY in HEADERS.values()


def test_the_log_is_bounded() -> None:
    """The last requests are kept, all are counted."""
    traffic = Traffic(keep=2)
    for number in (1, 2, 3):
        traffic.note(request(number), T0)
    assert [entry.number for entry in traffic.requests] == [2, 3]
    assert traffic.total == 3


def test_a_body_is_read_when_asked() -> None:
    """A readable body is told as JSON, and the ids in it in their order."""
    entry = Traffic(keep=1).note(request(1, records("B", "A")), T0)
    assert entry.body == records("B", "A")
    assert entry.crm_record_ids == ["B", "A"]


def test_a_body_may_be_anything() -> None:
    """A body that is no JSON is None, and one of another shape has no ids."""
    traffic = Traffic(keep=9)
    assert traffic.note(request(1, b"{"), T0).body is None
    bodies: list[object] = [b"{", [], {"records": 1}, {"records": [1]}]
    for body in bodies:
        assert traffic.note(request(1, body), T0).crm_record_ids == []


def test_an_entry_begins_unanswered() -> None:
    """Until something becomes of it a request has no status, no fault, and changed nothing."""
    entry = Traffic(keep=1).note(request(4), T0)
    assert (
        entry.number,
        entry.at,
        entry.status,
        entry.committed,
        entry.fault,
    ) == (4, T0, None, False, None)
