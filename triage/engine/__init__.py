"""Where work runs: in this process, in several processes, or on a Ray cluster.

Work is given as plain tasks: the name of a function, and arguments that are JSON (paths, hashes,
settings). Results are JSON too; what is large is written to a file, whose path and hash are the
result. So a task means the same in every process and on every machine, and its result can be kept.
"""

from triage.engine.executor import Executor
from triage.engine.open_executor import EngineName, EngineSettings, open_executor
from triage.engine.result_folder import ResultFolder
from triage.engine.task import Task, task_function

__all__ = [
    "EngineName",
    "EngineSettings",
    "Executor",
    "ResultFolder",
    "Task",
    "open_executor",
    "task_function",
]
