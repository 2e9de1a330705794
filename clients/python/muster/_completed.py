"""Tasks as they end: the event stream says which, the lists say what became of them.

Each task comes once, whatever the stream doubled or left out: a gap is filled from the lists.
"""

import time
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Set

from ._errors import WaitTimeout
from ._http import Query
from ._stream import EventStream, Message

if TYPE_CHECKING:
    from ._client import Client, Task

FINAL = ("succeeded", "failed", "cancelled")
_INDEXES_A_CALL = 500    # they stand in a URL


class Completed:
    def __init__(self, client: "Client", selectors: List[str], timeout: Optional[float]) -> None:
        self._client = client
        self._selectors = selectors
        self._timeout = timeout
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._batches: Set[int] = set()
        self._seen: Set[str] = set()
        self._total = 0
        self._ended: Dict[int, int] = {}    # of each batch, how many had ended when it was told last

    def tasks(self) -> Iterator["Task"]:
        """Opens the stream before it looks at the lists, so that nothing ends unseen between them."""
        if not self._selectors or self._find_batches() == 0:
            return
        query: Query = [("batch", next(iter(self._batches))), ("tasks", "true")] if len(self._batches) == 1 else []
        stream = EventStream(self._client._http, query)
        try:
            stream.connect(self._deadline)
            yield from self._listed()
            if self._is_done():
                yield from self._listed()
                return
            for message in stream.messages(self._deadline):
                yield from self._told(message)
                if self._seems_done(message) and self._is_done():
                    yield from self._listed()
                    return
                if message.event == "":
                    self._give_up()
        finally:
            stream.close()

    def _find_batches(self) -> int:
        for selector in self._selectors:
            head = selector.partition(".")[0]
            if head.isdigit():
                self._batches.add(int(head))
                continue
            for task in self._client.tasks(selector):
                self._batches.add(int(task.data["batch"]))
                if selector != "all":
                    break
        return len(self._batches)

    def _told(self, message: Message) -> Iterator["Task"]:
        data = message.data
        if message.event == "resync":
            yield from self._listed()
        elif message.event == "tasks" and data.get("batch") in self._batches:
            if data.get("many"):
                yield from self._listed()
                return
            indexes = [int(row[0]) for row in data["tasks"] if row[1] in FINAL]
            for at in range(0, len(indexes), _INDEXES_A_CALL):
                yield from self._listed("index=" + ",".join(map(str, indexes[at:at + _INDEXES_A_CALL])))
        elif message.event == "batch" and len(self._batches) > 1 and data.get("id") in self._batches:
            ended = self._ended_of(data)
            if ended != self._ended.get(data["id"]):
                self._ended[data["id"]] = ended
                yield from self._listed(f"batch={data['id']}")

    @staticmethod
    def _ended_of(batch: Dict[str, Any]) -> int:
        counts = batch.get("counts") or {}
        return sum(int(counts.get(state, 0)) for state in FINAL)

    def _listed(self, where: str = "") -> Iterator["Task"]:
        for selector in self._selectors:
            for task in self._client.tasks(selector, state=",".join(FINAL), where=where):
                if task.id not in self._seen:
                    self._seen.add(task.id)
                    yield task

    def _seems_done(self, message: Message) -> bool:
        if message.event == "batch":
            return message.data.get("id") in self._batches and self._ended_of(message.data) == message.data.get("tasks")
        return message.event == "resync" or (message.event == "tasks" and len(self._seen) >= self._total)

    def _is_done(self) -> bool:
        waited = self._client._look(self._selectors, 0.0)
        self._total = waited.tasks
        return waited.done

    def _give_up(self) -> None:
        waited = self._client._look(self._selectors, 0.0)
        ended = sum(waited.counts.get(state, 0) for state in FINAL)
        raise WaitTimeout(f"after {self._timeout:g} s, {ended} of {waited.tasks} tasks have ended")
