from pathlib import Path

import pytest

from campaigns_async.cli.failures import Failure
from campaigns_async.cli.inputs import check_rejects, files_read, read_input

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


@pytest.mark.parametrize(
    ("name", "rejects"),
    [("f.csv", "r.jsonl"), ("f.csv", "r.parquet"), ("f.jsonl", "r.csv"), ("f.ndjson", "R.PARQUET")],
)
def test_a_reject_file_is_called_what_it_is(tmp_path: Path, name: str, rejects: str) -> None:
    """Else the upload of what was mended would read it as something else."""
    path = tmp_path / name
    path.write_text("crmRecordId\n")
    with read_input(str(path), _OPTIONS)() as file:
        check_rejects(tmp_path / f"r{path.suffix}", file)
        check_rejects(tmp_path / "r.txt", file)
        with pytest.raises(Failure, match="and is called"):
            check_rejects(tmp_path / rejects, file)


def test_what_is_read_is_named() -> None:
    """The input, but for stdin, and the suppress list."""
    options = {"suppress_path": Path("s")}

    assert files_read("f.csv", options) == {"the input": "f.csv", "the suppress list": Path("s")}
    assert files_read("-", options)["the input"] is None
