"""What each command of ``jupyter container-kernels`` does. Each returns its exit code.

Progress and errors go to standard error, results to standard output; ``--json`` prints what REST would answer.
"""

from __future__ import annotations

#: Exit codes, as ``--help`` lists them.
DONE, FAILED, USAGE, NOT_FOUND, CONFLICT, NO_RUNTIME, CANCELLED = 0, 1, 2, 3, 4, 5, 130
