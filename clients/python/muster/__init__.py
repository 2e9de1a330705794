"""Muster from Python: submit commands, follow them, and get answers that carry their causes.

    import muster

    with muster.connect() as server:
        batch = server.map("gzip -k {}", files, cpus=1, mem="2G")
        for task in batch.as_completed():
            print(task.id, task.state, task.seconds)
        batch.wait()          # raises muster.BatchFailed: 38x out of memory, 2x exit 1

Only the standard library is used; Python 3.9 or newer.
"""

from ._client import Attempt, Batch, Client, LogPage, Task, Waited, Worker, connect
from ._endpoint import Endpoint, find_endpoint
from ._errors import (BatchFailed, Conflict, Failure, Infeasible, MusterError, NotAllowed, NotFound, TaskCancelled, TaskFailed,
                      Temporary, Unreachable, UsageError, WaitTimeout)

__all__ = [
    "Attempt", "Batch", "BatchFailed", "Client", "Conflict", "Endpoint", "Failure", "Infeasible", "LogPage", "MusterError",
    "NotAllowed", "NotFound", "Task", "TaskCancelled", "TaskFailed", "Temporary", "Unreachable", "UsageError", "WaitTimeout",
    "Waited", "Worker", "connect", "find_endpoint",
]
