"""Files are decoded in child processes with limits on memory, CPU time and wall time.

Native decoders crash, hang and allocate on hostile files, and no check before decoding foresees all
of it. So each file is read by a worker process (`process`), of which a small pool is kept and used
again (`pool`). A worker that dies takes one file with it: that file is refused with a reason, and
the batch or the page goes on. What a worker answers is framed by `messages`, plain JSON and raw
array bytes, for an answer may come from a process that a file has taken over.
"""

from triage.decoding.worker.limits import WorkerLimits
from triage.decoding.worker.pool import DecoderPool, default_pool

__all__ = ["DecoderPool", "WorkerLimits", "default_pool"]
