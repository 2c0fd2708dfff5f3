import asyncio
import io
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from campaigns_async.cli.background import BackgroundRows
from campaigns_async.cli.files import RecordFile


@asynccontextmanager
async def _pipe() -> AsyncIterator[tuple[BackgroundRows, io.BufferedWriter]]:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as end, os.fdopen(writing, "wb", buffering=0) as pipe:
        pipe.write(b"crmRecordId\n")
        yield BackgroundRows(RecordFile(end, "pipe")), pipe  # type: ignore[misc]


async def test_rows_come_as_they_are_written() -> None:
    """The first is there before the pipe ends, and the loop is free meanwhile."""
    async with _pipe() as (rows, pipe):
        first = asyncio.ensure_future(anext(rows))
        pipe.write(b"A\n")
        assert (await first).row == 2
        pipe.write(b"B\n")
        pipe.close()
        assert [row.row async for row in rows] == [3]


async def test_a_stop_ends_it_though_nobody_writes() -> None:
    """What is written later is the rest."""
    async with _pipe() as (rows, pipe):
        waiting = asyncio.ensure_future(anext(rows))
        await asyncio.sleep(0)
        rows.stop()
        with pytest.raises(StopAsyncIteration):
            await waiting
        pipe.write(b"A\nB\n")
        pipe.close()
        assert [row.row async for row in rows.rest()] == [2, 3]


async def test_no_more_is_read_than_there_is_room_for() -> None:
    """And nothing is lost of more than that."""
    file = RecordFile(io.BytesIO(b"crmRecordId\n" + b"A\n" * 3_000), "f.csv")

    assert sum([1 async for _ in BackgroundRows(file)]) == 3_000


async def test_what_cannot_be_read_is_raised_where_it_is_read() -> None:
    """After the rows before it."""
    file = RecordFile(io.BytesIO("crmRecordId\nA\n".encode("utf-16") + b"\x00"), "f.csv")
    rows = BackgroundRows(file)

    assert (await anext(rows)).row == 2
    with pytest.raises(Exception, match="UTF-16"):
        await anext(rows)


def test_a_reader_outlives_its_loop() -> None:
    """Rows that come when nobody reads any more do no harm."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as end, os.fdopen(writing, "wb", buffering=0) as pipe:
        pipe.write(b"crmRecordId\n")

        async def start() -> BackgroundRows:
            return BackgroundRows(RecordFile(end, "pipe"))

        rows = asyncio.run(start())
        pipe.write(b"A\n")
        pipe.close()
        rows.thread.join(5)
    assert not rows.thread.is_alive()
