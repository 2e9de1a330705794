#!/usr/bin/python3
# Starts a private PostgreSQL and runs build/bench/b3_engine_postgres against it; says so when it is not installed.
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from postgres_support import MISSING, Postgres  # noqa: E402

program = pathlib.Path(os.environ["MUSTER_BENCH"]) / "b3_engine_postgres"
if MISSING or not program.exists():
    print(f"B3.engine.postgresql: left out, {MISSING or 'it is not built (libpq-dev)'}")
    sys.exit(0)
postgres = Postgres()
try:
    sys.exit(subprocess.run([program], env={**os.environ, "MUSTER_BENCH_POSTGRES": postgres.url}, check=False).returncode)
finally:
    postgres.end()
