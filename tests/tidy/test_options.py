# Checks that every option of the command tree is used by an end-to-end test: what nobody tries is parsed and ignored some day.
# Must hold: the options come from the program itself, so that a new one cannot be forgotten here.
import os
import pathlib

import pytest

import options
import tree

MUSTER = pathlib.Path(os.environ.get("MUSTER", tree.ROOT / "build/muster"))


def test_every_option_is_used_by_a_test():
    if not MUSTER.exists():
        pytest.skip("build/muster is not built")
    listed = options.option_lines(MUSTER)
    assert len(listed) > 20, "`muster help options` prints too few to be true"
    tree.demand(options.unused(listed, options.word_groups(tree.ROOT)))


def test_options_bite(tmp_path):
    tree.plant(tmp_path, "tests/e2e/test_a.py", 'def test_a(run):\n    run("submit --array 1-3")\n    run("submit", "-q")\n'
                                                'def test_b(run):\n    run("list", "--json")\n')
    listed = options.parse("submit --array\nsubmit -q,--quiet\nsubmit --json\ntask list --json\ntask list --csv\n")
    assert options.unused(listed, options.word_groups(tmp_path)) == ["submit --json", "task list --csv"]
