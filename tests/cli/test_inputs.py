from pathlib import Path

import pytest

from campaigns_async.cli.failures import Failure
from campaigns_async.cli.inputs import check_rejects, read_input

_OPTIONS = dict.fromkeys(
    (
        *("id_column", "schedule_column", "priority_column", "rank_column", "delimiter"),
        *("schedule_at", "time_zone", "time_zone_column", "suppress_path"),
    )
)


def test_a_file_is_opened_as_the_options_say(tmp_path: Path) -> None:
    """Each time from its beginning, with the columns that were named."""
    path = tmp_path / "f.csv"
    path.write_text("Contact|Nr\nA|7\n")
    reopen = read_input(
        str(path), {**_OPTIONS, "id_column": "contact", "rank_column": "Nr", "delimiter": "|"}
    )

    for _ in range(2):
        with reopen() as file:
            (row,) = file
            assert (row.row, getattr(row, "rank", None)) == (2, 7)


@pytest.mark.parametrize(("name", "rejects"), [("f.csv", "f.csv"), ("f.jsonl", "r.csv")])
def test_a_reject_file_must_fit(tmp_path: Path, name: str, rejects: str) -> None:
    """It is not the file itself, and of JSON lines it is no CSV."""
    path = tmp_path / name
    path.write_text("crmRecordId\n")
    with read_input(str(path), _OPTIONS)() as file, pytest.raises(Failure):
        check_rejects(tmp_path / rejects, str(path), file)
