"""Worker processes that decode files with limits on memory, CPU time and wall time.

Native decoders crash, hang and allocate on hostile files, and no check before decoding foresees all
of it. So each file is read by a worker process (`process`), of which a small pool is kept and
reused (`pool`). If a worker dies, only its file is refused, with a reason, and the batch or the
page continues. Answers of workers are framed by `messages` as plain JSON and raw array bytes,
because an answer may come from a process that a file has compromised.
"""

from triage.decoding.worker.limits import WorkerLimits
from triage.decoding.worker.pool import DecoderPool, default_pool

__all__ = ["DecoderPool", "WorkerLimits", "default_pool"]
