from __future__ import annotations

import pytest

from asr_prune.analysis.probe import try_statements

LIMIT = 5.0


def test_each_statement_is_tried_also_after_a_hang_and_a_crash() -> None:
    statements = {
        "fine": "print('noise'); value = [1, 2]",
        "absent": "import no_such_module",
        "hangs": "import time; time.sleep(100)",
        "after": "value = 3",
        "crashes": "import os; os._exit(7)",
        "last": "value = 'end'",
    }
    tried = try_statements(statements, LIMIT)
    assert list(tried) == list(statements)
    assert tried["fine"].value == [1, 2]
    assert tried["absent"].error == "ModuleNotFoundError: No module named 'no_such_module'"
    assert [name for name, one in tried.items() if one.hung] == ["hangs"]
    assert tried["hangs"].seconds == LIMIT
    assert tried["crashes"].error == "exit status 7"
    assert [tried[name].value for name in ("after", "last")] == [3, "end"]


@pytest.mark.parametrize("limit", [LIMIT])
def test_nothing_to_try(limit: float) -> None:
    assert try_statements({}, limit) == {}
