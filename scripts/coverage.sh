#!/bin/bash
# Measures how much of the code the tests run that need no container: pytest's unit and api, and jest's.
# Prints a line for each part of the code (scripts/sum-coverage.py); fails if a test failed or a part has too little.
# Needs: what python-env.sh and `front-end.sh packages` make. Leaves: coverage/ (python/index.html and
# lcov-report/index.html show each line), .cache/coverage.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$root"
rm -rf coverage "$cache/coverage"
mkdir -p coverage "$cache/coverage"
export COVERAGE_FILE=$cache/coverage/data
rc=0

# bash lets a background command ignore SIGINT, as then kernels do, which start scripts tell; env undoes that
env --default-signal=INT coverage run -m pytest tests/unit tests/api --numprocesses=2 --dist=loadfile || rc=1
coverage combine --quiet
coverage json --quiet -o coverage/python.json
coverage html --quiet -d coverage/python
jlpm test --coverage || rc=1
python scripts/sum-coverage.py coverage || rc=1
exit $rc
