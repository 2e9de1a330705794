# Checks the types of the Python client with mypy, as its users' checkers see them.
# Must hold: everything is annotated, for the oldest Python that it promises.
import shutil
import subprocess

import pytest

import tree


def test_the_client_is_typed(tmp_path):
    if shutil.which("mypy") is None:
        pytest.skip("mypy is not there")
    done = subprocess.run(["mypy", "--strict", "--python-version", "3.9", "--cache-dir", str(tmp_path), "muster"],
                          cwd=tree.ROOT / "clients" / "python", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
