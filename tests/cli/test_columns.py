import pytest

from campaigns_async.cli.columns import map_columns, squash
from campaigns_async.cli.failures import Failure


@pytest.mark.parametrize("name", ["crmRecordId", "CRM Record ID", "crm_record_id", "CRM-RECORD-ID"])
def test_case_spaces_and_underscores_do_not_matter(name: str) -> None:
    """A column is found however its name is spelt."""
    assert squash(name) == "crmrecordid"


def test_columns_are_found_by_name_in_any_order() -> None:
    """Fields have the positions of their columns; fields without one are left out."""
    header = ["Phone", "Schedule At", "crm record id", "RANK"]

    assert map_columns(header, {}) == {"schedule_at": 1, "crm_record_id": 2, "rank": 3}


def test_a_column_can_be_named() -> None:
    """A name given by option counts, and the usual name then stands for nothing."""
    header = ["Contact ID", "crmRecordId"]

    assert map_columns(header, {"crm_record_id": "contact id"}) == {"crm_record_id": 0}


def test_an_exact_name_goes_before_a_similar_one() -> None:
    """Of two that differ in spelling alone, the one that is spelt as asked is meant."""
    assert map_columns(["ID", "id"], {"crm_record_id": "id"}) == {"crm_record_id": 1}


def test_an_id_column_is_never_guessed() -> None:
    """Without a column of ids the header is shown, with the option that names one."""
    with pytest.raises(Failure, match=r"no column 'crmRecordId'.*'Id', 'Name'") as failed:
        map_columns(["Id", "Name"], {})

    assert "--id-column" in str(failed.value.next_step)


def test_a_long_header_is_not_shown_whole() -> None:
    """Only the first dozen columns are listed."""
    with pytest.raises(Failure, match="and 8 more"):
        map_columns([f"c{n}" for n in range(20)], {})


def test_a_column_that_is_asked_for_must_be_there() -> None:
    """A misspelt option is an error, also for a field that may be absent."""
    with pytest.raises(Failure, match=r"no column 'Prio'"):
        map_columns(["crmRecordId"], {"priority": "Prio"})


def test_two_columns_of_one_name_are_not_chosen_between() -> None:
    """The second might hold other ids."""
    with pytest.raises(Failure, match="2 columns are called 'crmRecordId'"):
        map_columns(["crmRecordId", "CRM Record ID"], {})
