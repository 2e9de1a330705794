"""What can go wrong, as exceptions: what the server refused, what the connection did, and how tasks ended.

Every refusal keeps the server's words: `code` ("E204"), `detail`, `next` (what to do now) and the HTTP status.
"""

from dataclasses import dataclass
from typing import Any, List, Mapping, Optional


class MusterError(Exception):
    """The base of all of them."""

    def __init__(self, detail: str, code: str = "", next: str = "", status: int = 0) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.next = next
        self.status = status

    def __str__(self) -> str:
        text = self.detail
        if self.code:
            text += f" [{self.code}]"
        if self.next:
            text += f"\n  {self.next}"
        return text


class UsageError(MusterError):
    """The request is malformed, or larger than a limit."""


class NotFound(MusterError):
    """There is no such thing."""


class Conflict(MusterError):
    """The thing is there, but not in a state for this."""


class NotAllowed(MusterError):
    """The token is missing, wrong or too weak."""


class Infeasible(MusterError):
    """Nothing there is can ever run it."""


class Temporary(MusterError):
    """The same request can succeed later: the disk is full, the server starts or stops."""


class Unreachable(MusterError):
    """No server answers there."""


class WaitTimeout(MusterError, TimeoutError):
    """The given time is over, and not everything has ended."""


@dataclass(frozen=True)
class Failure:
    """Tasks that failed in the same way."""

    cause: str          # "exit 1", "signal 9", "oom", "timeout" ...
    count: int
    tasks: List[str]    # the first three of them: "42.17"
    phase: str          # where in its life: "executing", "fetching" ...
    line: Optional[str]    # the last on stderr, numbers, paths and hashes masked
    retry: str          # the command that tries this group again

    def __str__(self) -> str:
        line = f": {self.line}" if self.line else ""
        return f"{self.count}x {self.cause}{line} ({', '.join(self.tasks)}{' ...' if self.count > len(self.tasks) else ''})"


class TaskFailed(MusterError):
    """A task ended without success; it says how and keeps the end of what it wrote to stderr."""

    def __init__(self, task: Any, stderr: str = "") -> None:
        self.task = task
        self.cause: str = task.cause or task.state
        self.exit_code: Optional[int] = task.exit_code
        self.signal: Optional[int] = task.signal
        self.stderr = stderr
        last = stderr.rstrip().splitlines()[-1:] or [task.message or ""]
        super().__init__(f"task {task.id} {task.state}: {how_it_ended(task.data)}" + (f": {last[0]}" if last[0] else ""))


class TaskCancelled(TaskFailed):
    """A person, or a dependency that cannot be met any more, ended it."""


class BatchFailed(MusterError):
    """Everything has ended, and something failed."""

    def __init__(self, batch: Any, failures: List[Failure]) -> None:
        self.batch = batch
        self.failures = failures
        counts = batch.counts
        causes = "; ".join(str(failure) for failure in failures)
        super().__init__(f"batch {batch.id}: {counts.get('failed', 0)} failed, {counts.get('cancelled', 0)} cancelled, "
                         f"{counts.get('succeeded', 0)} succeeded" + (f": {causes}" if causes else ""))


def how_it_ended(task: Mapping[str, Any]) -> str:
    """"exit 3", "signal 9", "oom", "cancelled": what tells failures of one kind from another."""
    if task.get("cause") == "exit" and task.get("exit_code") is not None:
        return f"exit {task['exit_code']}"
    if task.get("cause") == "signal" and task.get("signal") is not None:
        return f"signal {task['signal']}"
    return str(task.get("cause") or task.get("state"))


_BY_STATUS = {400: UsageError, 413: UsageError, 415: UsageError, 404: NotFound, 409: Conflict, 401: NotAllowed, 403: NotAllowed,
              422: Infeasible, 429: Temporary, 503: Temporary, 507: Temporary}


def refusal(status: int, problem: Mapping[str, Any]) -> MusterError:
    """The exception for an answer with application/problem+json."""
    kind = _BY_STATUS.get(status, MusterError)
    return kind(str(problem.get("detail") or problem.get("title") or f"the server answered {status}"),
                code=str(problem.get("code") or ""), next=str(problem.get("next") or ""), status=status)
