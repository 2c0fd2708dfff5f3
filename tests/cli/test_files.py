import io
import os
from pathlib import Path

import pytest

from campaigns_async.cli.failures import Failure
from campaigns_async.cli.files import ReadingStopped, RecordFile, guess_delimiter, open_file
from campaigns_async.cli.rejects import EXTRA
from campaigns_async.cli.rows import AnyRow, BrokenRow


def _open(text: str | bytes, name: str = "f.csv", **options: str) -> RecordFile:
    content = text.encode() if isinstance(text, str) else text
    return RecordFile(io.BytesIO(content), name, delimiter=options.get("delimiter"))


def _ids(file: RecordFile) -> list[tuple[int, str]]:
    return [(r.row, r.reason if isinstance(r, BrokenRow) else r.crm_record_id) for r in file]


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_in_the_header(sign: str) -> None:
    """The sign that stands most often outside quotes."""
    file = _open(sign.join(['"a, b; c| d"', "crmRecordId", "rank"]) + f"\nx{sign}C-1{sign}2\n")

    assert file.delimiter == sign
    assert _ids(file) == [(2, "C-1")]


def test_one_column_needs_no_delimiter() -> None:
    """Then it is the comma."""
    assert guess_delimiter("crmRecordId\n") == ","


def test_a_delimiter_can_be_given() -> None:
    """It is not looked for then."""
    assert _ids(_open("crmRecordId:a,b\nC-1:2\n", delimiter=":")) == [(2, "C-1")]


@pytest.mark.parametrize("line", ["sep=;", "SEP=;", '"sep=;"'])
def test_excels_separator_line_counts_and_is_no_row(line: str) -> None:
    """What follows sep= is row 1, as Excel shows it; a delimiter that is given counts before it."""
    assert _ids(_open(line + "\r\ncrmRecordId;rank\r\nC-1;1\r\n")) == [(2, "C-1")]
    assert _ids(_open(line + "\ncrmRecordId|rank\nC-1|1\n", delimiter="|")) == [(2, "C-1")]


def test_rows_are_numbered_as_a_spreadsheet_does() -> None:
    """Blank rows count in the numbers and are no records; a cell of two lines is one row."""
    file = _open('crmRecordId,note\nA,"two\nlines"\n\n , \nB,x\n')

    assert _ids(file) == [(2, "A"), (5, "B")]
    assert file.blank == 2
    assert file.ended
    assert [file.numbers[0], file.numbers[1]] == [2, 5]


def test_rows_before_the_header_may_be_blank() -> None:
    """The first row with content is the header."""
    assert _ids(_open("\n,,\ncrmRecordId\nA\n")) == [(4, "A")]


def test_a_row_may_have_fewer_cells_than_the_header() -> None:
    """The missing ones are empty; columns without a name at the end are none."""
    assert _ids(_open("rank,crmRecordId,,\n1,A\n2\n")) == [(2, "A"), (3, "")]


def test_a_row_with_too_many_cells_is_not_trusted() -> None:
    """A delimiter inside a cell may have moved the id; empty cells at the end move nothing."""
    reason = "the row has 3 cells and the header 2; put a cell that holds ';' in quotes"

    assert _ids(_open("name;crmRecordId\nMy;Co;A\nMe;B;\n")) == [(2, reason), (3, "B")]


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_quote_that_is_never_closed_loses_no_row(end: str) -> None:
    """Each line behind it is a broken row: of its own, or a part of that cell."""
    found = _ids(_open('crmRecordId,name\nC-1,Ann\nC-2,"Bob\nC-3,Cleo' + end))
    assert found[0] == (2, "C-1")
    assert [row for row, _ in found] == [2, 3, 4]
    assert "a quote is opened and never closed" in found[1][1]
    assert "it may be a part of row 3" in found[2][1]


def test_what_is_wrong_with_the_header_is_told() -> None:
    """There is nothing to go on with."""
    with pytest.raises(Failure, match="cannot be read: a quote is opened"):
        _open('"crmRecordId\nA\n')


def test_cells_of_several_lines_are_noted() -> None:
    """Where a quote is missing they hold rows of the file."""
    file = _open('crmRecordId\n"A\nB"\n')
    assert _ids(file) == [(2, "A\nB")]
    assert "1 row has a cell of several lines (row 2)" in file.remarks[-1]


@pytest.mark.parametrize("given", ["tab", "\\t"])
def test_a_tab_can_be_given_in_words(given: str) -> None:
    """As it cannot be typed in most shells."""
    assert _ids(_open("crmRecordId\trank\nC-1\t2\n", delimiter=given)) == [(2, "C-1")]


@pytest.mark.parametrize("given", [";;", '"', "\n"])
def test_a_delimiter_is_one_character_that_can_delimit(given: str) -> None:
    """Others are refused in a sentence, wherever they stand."""
    with pytest.raises(Failure, match="is not one character that can"):
        _open("crmRecordId;;rank\n", delimiter=given)
    with pytest.raises(Failure, match="is not one character that can"):
        _open("sep=ab\ncrmRecordId;rank\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "empty"), (",,\n", "no header"), ('"' + "x" * 200_000, "the first row of f.csv")],
)
def test_a_file_without_a_header_is_refused(text: str, told: str) -> None:
    """Nothing can be said of its columns."""
    with pytest.raises(Failure, match=told):
        _open(text)


def test_a_reject_file_is_read_as_what_it_was() -> None:
    """Its extra columns are ignored and its harmless cells taken back."""
    header = ",".join(["crmRecordId", "rank", *EXTRA])
    file = _open(f"{header}\nC-1,'-5,7,REJECTED,rank,,,,\n")

    (row,) = list(file)
    assert not isinstance(row, BrokenRow)
    assert (row.crm_record_id, row.rank, row.row) == ("C-1", -5, 2)


def test_json_lines_are_objects_or_ids() -> None:
    """Names are found as in CSV; what is no record is a broken row with its line."""
    lines = '{"CRM record id": "A", "x": 1}\n\n"B"\n7\n{bad\n{"crmRecordId": 5}\n' + "[" * 100_000
    file = _open(lines, "f.jsonl")

    assert _ids(file)[:5] == [
        (1, "A"),
        (3, "B"),
        (4, "the line is neither an object nor an id in quotes"),
        (5, "the line is not JSON: Expecting property name enclosed in double quotes"),
        (6, "5"),
    ]
    assert _ids(_open("[" * 100_000, "f.ndjson")) == [(1, "the line is not JSON: nested too deep")]


def test_a_file_is_json_lines_if_it_begins_so() -> None:
    """Whatever its name; one that is an array is told how it becomes lines."""
    for name in ("stdin", "f.txt"):
        assert _open('{"crmRecordId": "A"}\n', name).format == "jsonl"
    for text in ('[{"crmRecordId": "A"}]', '[\n {"crmRecordId": "A"}\n]', '["A"]'):
        with pytest.raises(Failure, match="begins like a JSON array") as failed:
            _open(text, "f.json")
        assert "jq" in str(failed.value.next_step)
    assert _ids(_open("[crmRecordId],[rank]\nA,1\n")) == [(2, "A")]
    assert _open("crmRecordId\nA\n", "stdin").format == "csv"


def test_what_is_left_after_a_stop_can_still_be_had() -> None:
    """An upload that stops never takes the last row read for the file's last."""
    file = _open("crmRecordId\nA\nB\nC\n")
    first: AnyRow = next(file)
    file.stop()

    with pytest.raises(ReadingStopped):
        next(file)
    assert (first.row, [row.row for row in file.rest()]) == (2, [3, 4])
    assert file.ended


def test_the_number_of_rows_is_estimated_and_then_known(tmp_path: Path) -> None:
    """By the part of the file that was read; a pipe gives no idea until it ends."""
    path = tmp_path / "f.csv"
    path.write_text("crmRecordId\n" + "A-1\n" * 4)
    with open_file(str(path)) as file:
        assert file.estimate_rows() is None
        next(file)
        assert file.estimate_rows() == pytest.approx(28 / 16)
        list(file)
        assert file.estimate_rows() == 4
        assert not file.is_pipe


def test_a_pipe_is_told_from_a_file() -> None:
    """Reading it may wait for somebody."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe, os.fdopen(reading, "rb") as end:
        pipe.write(b"crmRecordId\nA\n")
        pipe.flush()
        file = RecordFile(end, "pipe")
        assert file.is_pipe
        next(file)
        assert file.estimate_rows() is None


def test_text_in_windows_1252_is_noted() -> None:
    """Names with accents deserve a look then; where nothing was assumed, nothing is said."""
    file = _open("crmRecordId,name\nA,Müller\n".encode("cp1252"))
    assert file.decoding_note is None
    list(file)

    assert str(file.decoding_note).startswith("from line 2 on")


def test_a_file_that_cannot_be_opened_is_a_failure(tmp_path: Path) -> None:
    """It is told in a sentence."""
    with pytest.raises(Failure, match="cannot be opened: No such file"):
        open_file(str(tmp_path / "absent.csv"))
    (tmp_path / "empty.csv").touch()
    with pytest.raises(Failure, match="is empty"):
        open_file(str(tmp_path / "empty.csv"))


def test_stdin_is_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader of our own, where there is a descriptor; closing ours leaves it open."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as pipe, os.fdopen(reading) as end:
        pipe.write("crmRecordId\nA\n")
        pipe.close()
        monkeypatch.setattr("sys.stdin", end)
        with open_file("-") as file:
            assert _ids(file) == [(2, "A")]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"crmRecordId\nB\n")))
    assert _ids(open_file("-")) == [(2, "B")]
