"""A child process of the roster engine: reads its order and news from standard input, writes news to standard output.

It is compiled first, and says so: its time runs from its order. Ends when that is over (but not before it has told of a first
roster), when it has proven the best roster, or when its input closes because the parent is gone.
"""

from __future__ import annotations

import os
import queue
import resource
import sys
import threading

from core.clock import SystemClock
from scheduler.rosters.engine.ahead import compile_ahead
from scheduler.rosters.engine.messages import News, decode_news, decode_order, encode_news
from scheduler.rosters.engine.solve import run
from scheduler.rosters.engine.work import Work

MOST_MEMORY = 6 * 1024**3
"""Bytes of data that a child may take; beyond, it fails, and the parent keeps what it has."""
WAITING = 64
"""News that may wait to be read; more are dropped, the newest rosters come again."""


def _read(inbox: queue.Queue[News]) -> None:
    """Take lines from the parent; without parent there is nobody to work for."""
    for line in sys.stdin.buffer:
        try:
            inbox.put_nowait(decode_news(line))
        except (ValueError, queue.Full):
            continue
    os._exit(0)


def main() -> None:
    """Work on one order."""
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))

    def report(news: News) -> None:
        sys.stdout.buffer.write(encode_news(news))
        sys.stdout.buffer.flush()

    compile_ahead()
    report(News(ready=True))
    line = sys.stdin.buffer.readline()
    if not line:
        return
    order = decode_order(line)
    inbox: queue.Queue[News] = queue.Queue(WAITING)
    threading.Thread(target=_read, args=(inbox,), daemon=True).start()

    def heard() -> list[News]:
        found: list[News] = []
        while not inbox.empty():
            found.append(inbox.get_nowait())
        return found

    work = Work(order, SystemClock().monotonic, report, heard)
    run(work)
    work.say(last=True)
    report(News(done=True))
    # the reading thread sits in the input's lock, which a normal end would wait for
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
