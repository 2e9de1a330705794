"""The client: submit, follow and change work, with tasks and batches that behave like futures.

Objects are snapshots: `data` is what the server last said, refresh() asks again. Nothing here polls a task that has ended.
"""

import json
import time
import uuid
from typing import (Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Type, Union)
from types import TracebackType
from urllib.parse import quote

from ._completed import FINAL, Completed
from ._endpoint import Endpoint, find_endpoint
from ._errors import BatchFailed, Failure, TaskCancelled, TaskFailed, WaitTimeout, how_it_ended
from ._http import Http, Query

Command = Union[str, Sequence[str]]
Item = Union[str, int, float, Mapping[str, Union[str, int, float]]]
_PAGE = 1000
_WAIT_STEP_S = 30.0
_STDERR_TAIL_BYTES = 8192
_SIZES = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50}


def _mebibytes(size: Union[str, int, float]) -> int:
    """8, "8", "8M" are MiB; "1.5G", "512k", "2TiB" are what they say; rounded up to a MiB."""
    if isinstance(size, (int, float)):
        return -int(-size // 1)
    text = size.strip().lower()
    for ending in ("ib", "b"):
        if text.endswith(ending) and len(text) > len(ending) and text[:-len(ending)][-1] in _SIZES:
            text = text[:-len(ending)]
            break
    scale = _SIZES.get(text[-1:], 0)
    number = float(text[:-1] if scale else text)
    return -int(-(number * scale / 2**20 if scale else number) // 1)


def _selector(thing: Any) -> str:
    return thing.id if isinstance(thing, (Batch, Task, Attempt)) else str(thing)


def _selectors(things: Any) -> List[str]:
    if isinstance(things, (str, int, Batch, Task, Attempt)):
        things = [things]
    return [_selector(thing) for thing in things]


class LogPage(NamedTuple):
    text: bytes
    next: str        # where to go on
    final: bool      # nothing will follow
    cut: bool        # the middle was thrown away at the log's limit
    attempt: str     # "42.17#2"; empty: none wrote anything yet


class Waited(NamedTuple):
    done: bool
    tasks: int
    counts: Dict[str, int]


class _Thing:
    def __init__(self, client: "Client", data: Mapping[str, Any]) -> None:
        self._client = client
        self.data: Dict[str, Any] = dict(data)

    @property
    def id(self) -> str:
        return str(self.data["id"])

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lower()} {self.id} {self.data.get('state', '')}>"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, _Thing) and other.id == self.id

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.id))


class Worker(_Thing):
    """What tasks run on."""

    @property
    def name(self) -> str:
        return str(self.data["name"])

    @property
    def state(self) -> str:
        return str(self.data["state"])


class Attempt(_Thing):
    """One try of a task."""

    @property
    def state(self) -> str:
        return str(self.data["state"])


class Task(_Thing):
    """One command, run until it succeeds, is cancelled, or no try is left."""

    @property
    def index(self) -> int:
        return int(self.data["index"])

    @property
    def state(self) -> str:
        """waiting held ready running succeeded failed cancelled, as of the last look."""
        return str(self.data["state"])

    @property
    def command(self) -> str:
        return str(self.data.get("command") or "")

    @property
    def reason(self) -> Optional[str]:
        """Why it does not run, as a code; None when it runs or has ended."""
        return self.data.get("reason")

    @property
    def cause(self) -> Optional[str]:
        return self.data.get("cause")

    @property
    def exit_code(self) -> Optional[int]:
        return self.data.get("exit_code")

    @property
    def signal(self) -> Optional[int]:
        return self.data.get("signal")

    @property
    def message(self) -> Optional[str]:
        return self.data.get("message")

    @property
    def worker(self) -> Optional[str]:
        return self.data.get("worker")

    @property
    def seconds(self) -> Optional[float]:
        """How long its last attempt ran; None before its end."""
        return self.data.get("wall_s")

    @property
    def peak_memory_mb(self) -> Optional[float]:
        return self.data.get("peak_memory_mb")

    def refresh(self) -> "Task":
        self.data = self._client.task(self.id).data
        return self

    def done(self) -> bool:
        """True when it has ended; asks the server unless that is known."""
        return self.state in FINAL or self.refresh().state in FINAL

    def wait(self, timeout: Optional[float] = None) -> "Task":
        """Returns when it has ended, whatever the outcome."""
        if self.state not in FINAL:
            self._client.wait([self.id], timeout)
            self.refresh()
        return self

    def result(self, timeout: Optional[float] = None) -> str:
        """What it wrote to stdout, when it succeeded; TaskFailed or TaskCancelled when it did not."""
        error = self.exception(timeout)
        if error is not None:
            raise error
        return self.stdout()

    def exception(self, timeout: Optional[float] = None) -> Optional[TaskFailed]:
        self.wait(timeout)
        if self.state == "succeeded":
            return None
        stderr = self._client.logs(self.id, stream="stderr", tail=_STDERR_TAIL_BYTES).text.decode("utf-8", "replace")
        return (TaskCancelled if self.state == "cancelled" else TaskFailed)(self, stderr)

    def stdout(self) -> str:
        return self.logs("stdout")

    def stderr(self) -> str:
        return self.logs("stderr")

    def logs(self, stream: str = "both") -> str:
        return b"".join(self._client.log_bytes(self.id, stream=stream)).decode("utf-8", "replace")

    def attempts(self) -> List[Attempt]:
        return list(self._client.attempts(self.id))

    def cancel(self, reason: str = "") -> int:
        return self._client.cancel(self.id, reason=reason)

    def retry(self, **options: Any) -> int:
        return self._client.retry(self.id, **options)


class Batch(_Thing):
    """A named set of tasks."""

    @property
    def name(self) -> str:
        return str(self.data.get("name") or "")

    @property
    def state(self) -> str:
        return str(self.data["state"])

    @property
    def counts(self) -> Dict[str, int]:
        return dict(self.data.get("counts") or {})

    def __len__(self) -> int:
        return int(self.data["tasks"])

    def refresh(self) -> "Batch":
        self.data = self._client.batch(self.id).data
        return self

    def done(self) -> bool:
        counts = self.refresh().counts
        return sum(counts.get(state, 0) for state in FINAL) == len(self)

    def tasks(self, state: str = "", where: str = "") -> Iterator[Task]:
        """Its tasks in order; `state` is one or several ("failed,cancelled")."""
        return self._client.tasks(self.id, state=state, where=where)

    def task(self, index: int) -> Task:
        return self._client.task(f"{self.id}.{index}")

    def as_completed(self, timeout: Optional[float] = None) -> Iterator[Task]:
        """Each task once, soon after it has ended; those that ended before come first."""
        return self._client.as_completed([self], timeout)

    def wait(self, timeout: Optional[float] = None, check: bool = True) -> "Batch":
        """Returns when everything has ended. With `check`, BatchFailed says what failed and why."""
        self._client.wait([self.id], timeout)
        self.refresh()
        counts = self.counts
        if check and counts.get("failed", 0) + counts.get("cancelled", 0) > 0:
            raise BatchFailed(self, self.failures())
        return self

    def results(self, timeout: Optional[float] = None) -> List[str]:
        """What its tasks wrote to stdout, in order; BatchFailed when one failed."""
        self.wait(timeout)
        return [task.stdout() for task in self.tasks()]

    def failures(self) -> List[Failure]:
        """Its failed tasks, grouped by how they ended and by their last line on stderr, the largest group first."""
        found = self._client._http.call("GET", "failures", [("selector", self.id)]).json()
        return [Failure(how_it_ended(group), int(group["count"]), list(group["samples"]), group["phase"], group["line"], group["retry"])
                for group in found["groups"]]

    def cancel(self, reason: str = "") -> int:
        return self._client.cancel(self.id, reason=reason)

    def retry(self, **options: Any) -> int:
        """Runs what failed again, with other options if given: retry(mem="16G")."""
        return self._client.retry(self.id, **options)

    def hold(self, reason: str = "") -> int:
        return self._client.hold(self.id, reason=reason)

    def release(self) -> int:
        return self._client.release(self.id)

    def _repr_html_(self) -> str:
        counts = self.refresh().counts
        ended = sum(counts.get(state, 0) for state in FINAL)
        return (f"<progress value='{ended}' max='{len(self)}'></progress> batch {self.id}: {counts.get('succeeded', 0)} succeeded, "
                f"{counts.get('failed', 0)} failed, {counts.get('running', 0)} running of {len(self)}")


class Client:
    """One server. May be used by several threads."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    @property
    def url(self) -> str:
        return self._http.endpoint.url

    # ---- submitting

    def submit(self, command: Command, items: Optional[Iterable[Item]] = None, *, array: str = "", name: str = "", batch: str = "",
               cpus: Optional[int] = None, mem: Union[str, int, None] = None, disk: Union[str, int, None] = None,
               gpus: Optional[int] = None, slots: Optional[int] = None, time_limit: Optional[float] = None,
               retries: Optional[int] = None, max_running: Optional[int] = None, priority: Optional[int] = None,
               after: Any = (), after_any: Any = (), after_each: Any = (), env: Optional[Mapping[str, str]] = None,
               labels: Optional[Mapping[str, str]] = None, on: Optional[Mapping[str, str]] = None,
               use: Optional[Mapping[str, int]] = None, exclusive: bool = False, cwd: str = "", rerun: bool = True,
               held: bool = False, key: str = "") -> Batch:
        """Submits one task, an array, or a task for each item; returns its batch once the server has it on disk.

        A list is an argument vector without a shell, a string is shell text; `{}` is the item or the index, `{name}` a column.
        `mem` and `disk` as "8G" or MiB, `time_limit` in seconds. The same `key` submits the same work only once.
        """
        body: Dict[str, Any] = {"command": [command], "shell": "sh"} if isinstance(command, str) else {"command": list(command)}
        given: Dict[str, Any] = {
            "array": array, "name": name, "batch": batch, "cpus": cpus, "gpus": gpus, "slots": slots, "time_s": time_limit,
            "retries": retries, "max_running": max_running, "priority": priority, "after": _selectors(after),
            "after_any": _selectors(after_any), "after_each": _selectors(after_each), "env": env, "labels": labels, "on": on,
            "use": use, "cwd": cwd, "exclusive": exclusive or None, "held": held or None, "rerun": None if rerun else "never",
            "mem_mb": None if mem is None else _mebibytes(mem), "disk_mb": None if disk is None else _mebibytes(disk)}
        body.update({member: value for member, value in given.items() if value not in (None, "", [], {})})
        key = key or uuid.uuid4().hex
        if items is None:
            answer = self._http.call("POST", "batches", body=body, key=key)
        else:
            answer = self._submit_items(body, items, key)
        submitted = answer.json()
        return self.batch(str(submitted["batch"]))

    def map(self, command: Command, items: Iterable[Item], **options: Any) -> Batch:
        """A task for each item: texts for `{}`, or mappings for `{column}`. Options as in submit()."""
        return self.submit(command, items, **options)

    def _submit_items(self, body: Dict[str, Any], items: Iterable[Item], key: str) -> Any:
        listed = list(items)
        kind = "jsonl" if listed and isinstance(listed[0], Mapping) else "lines0"
        for item in listed:
            if isinstance(item, Mapping) != (kind == "jsonl"):
                raise TypeError("items are all texts and numbers, or all mappings")

        def chunks() -> Iterator[bytes]:
            yield json.dumps(body).encode() + b"\n"
            for begin in range(0, len(listed), _PAGE):
                part = listed[begin:begin + _PAGE]
                if kind == "jsonl":
                    yield b"".join(json.dumps(item).encode() + b"\n" for item in part)
                else:
                    yield b"".join(str(item).encode("utf-8", "surrogateescape") + b"\0" for item in part)

        return self._http.call("POST", "batches", query=[("items", kind)], key=key, stream=chunks, wait_s=600)

    # ---- looking

    def status(self) -> Dict[str, Any]:
        return self._http.call("GET", "status").json()

    def batch(self, selector: Union[str, int]) -> Batch:
        """A batch by id, `@name` or `last`."""
        return Batch(self, self._http.call("GET", f"batches/{_part(selector)}").json())

    def batches(self, name: str = "", state: str = "", where: str = "") -> Iterator[Batch]:
        """Newest first."""
        for data in self._list("batches", [("name", name), ("state", state), ("where", where)]):
            yield Batch(self, data)

    def task(self, selector: str) -> Task:
        return Task(self, self._http.call("GET", f"tasks/{_part(selector)}").json())

    def tasks(self, selector: Any = "", state: str = "", where: str = "") -> Iterator[Task]:
        for data in self._list("tasks", [("selector", _selector(selector)), ("state", state), ("where", where)]):
            yield Task(self, data)

    def attempts(self, selector: Any, where: str = "") -> Iterator[Attempt]:
        for data in self._list("attempts", [("selector", _selector(selector)), ("where", where)]):
            yield Attempt(self, data)

    def workers(self, where: str = "") -> Iterator[Worker]:
        for data in self._list("workers", [("where", where)]):
            yield Worker(self, data)

    def events(self, batch: Any = "") -> Iterator[Dict[str, Any]]:
        """What happened, newest first."""
        return self._list("events", [("batch", _selector(batch))])

    def _list(self, path: str, query: Query) -> Iterator[Dict[str, Any]]:
        after = ""
        while True:
            given = [(name, value) for name, value in query if value != ""]
            page = self._http.call("GET", path, [*given, ("limit", _PAGE), *([("after", after)] if after else [])]).json()
            yield from page["items"]
            after = page.get("next") or ""
            if not after:
                return

    def logs(self, selector: Any, stream: str = "both", start: str = "", tail: Optional[int] = None, wait: float = 0.0) -> LogPage:
        """One page of what tasks wrote, at most 1 MiB; with `wait` it waits so many seconds for more."""
        query: List[Tuple[str, Union[str, int, float]]] = [("selector", _selector(selector)), ("stream", stream)]
        if start:
            query.append(("from", start))
        if tail is not None:
            query.append(("tail", tail))
        if wait:
            query.append(("wait_s", wait))
        answer = self._http.call("GET", "logs", query, wait_s=wait)
        field = answer.fields.get
        return LogPage(answer.body, field("muster-log-next", ""), field("muster-log-final") == "true",
                       field("muster-log-cut") == "true", field("muster-log-attempt", ""))

    def log_bytes(self, selector: Any, stream: str = "both", follow: bool = False) -> Iterator[bytes]:
        """Everything that tasks wrote, piece by piece; with `follow` until they have ended."""
        start = ""
        while True:
            page = self.logs(selector, stream, start, wait=_WAIT_STEP_S if follow else 0.0)
            if page.text:
                yield page.text
            if page.final or (not page.text and not follow):
                return
            start = page.next

    # ---- waiting

    def wait(self, things: Any, timeout: Optional[float] = None) -> Waited:
        """Returns when all tasks of the batches, tasks or selectors have ended, whatever the outcome; WaitTimeout when not."""
        selectors = _selectors(things)
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            step = _WAIT_STEP_S if deadline is None else max(0.0, min(_WAIT_STEP_S, deadline - time.monotonic()))
            waited = self._look(selectors, step)
            if waited.done:
                return waited
            if deadline is not None and time.monotonic() >= deadline:
                ended = sum(waited.counts.get(state, 0) for state in FINAL)
                raise WaitTimeout(f"after {timeout:g} s, {ended} of {waited.tasks} tasks have ended")

    def as_completed(self, things: Any, timeout: Optional[float] = None) -> Iterator[Task]:
        """Each task of the batches or selectors once, soon after it has ended."""
        return Completed(self, _selectors(things), timeout).tasks()

    def _look(self, selectors: Sequence[str], wait_s: float) -> Waited:
        query: List[Tuple[str, Union[str, int, float]]] = [("selector", selector) for selector in selectors]
        query.append(("timeout_s", round(wait_s, 3)))
        answer = self._http.call("GET", "wait", query, wait_s=wait_s).json()
        return Waited(bool(answer["done"]), int(answer["tasks"]), dict(answer["counts"]))

    # ---- changing

    def cancel(self, things: Any, reason: str = "") -> int:
        """Cancels what has not ended; how many tasks that were."""
        return self._change("cancel", things, {"reason": reason})

    def hold(self, things: Any, reason: str = "") -> int:
        return self._change("hold", things, {"reason": reason})

    def release(self, things: Any) -> int:
        return self._change("release", things, {})

    def retry(self, things: Any, *, mem: Union[str, int, None] = None, disk: Union[str, int, None] = None,
              cpus: Optional[int] = None, time_limit: Optional[float] = None, retries: Optional[int] = None,
              env: Optional[Mapping[str, str]] = None) -> int:
        """Runs what failed or was cancelled again, with changed options; how many tasks that were."""
        return self._change("retry", things, {
            "mem_mb": None if mem is None else _mebibytes(mem), "disk_mb": None if disk is None else _mebibytes(disk),
            "cpus": cpus, "time_s": time_limit, "retries": retries, "env": env})

    def _change(self, verb: str, things: Any, options: Mapping[str, Any]) -> int:
        body = {"selectors": _selectors(things), **{name: value for name, value in options.items() if value not in (None, "", {})}}
        return int(self._http.call("POST", verb, body=body).json()["count"])


def _part(selector: Any) -> str:
    return quote(_selector(selector), safe="")


def connect(url: str = "", *, context: str = "", data: str = "", token: str = "", token_file: str = "", pin: str = "",
            ca_file: str = "", project: str = "", patience: float = 120.0, timeout: float = 30.0) -> Client:
    """A client of the server that `muster` itself would use, or of the one that is named.

    `patience`: how long a server that has answered before is waited for while it is away. Raises Unreachable, NotAllowed.
    """
    def find() -> Endpoint:
        return find_endpoint(url, context=context, data=data, token=token, token_file=token_file, pin=pin, ca_file=ca_file,
                             project=project)

    client = Client(Http(find, patience, timeout))
    client._http.call("GET", "users/me")
    return client
