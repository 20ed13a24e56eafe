"""Python loads it at the start of each process that tests start, by PYTHONPATH: see ../loopback.py.

By its file, so that nothing else of the project can be imported by accident; a worker of the tests
finds it as the module that it imports itself.
"""

import importlib.util
import sys
from pathlib import Path

_file = Path(__file__).parents[1] / "loopback.py"
_specification = importlib.util.spec_from_file_location("tests.support.loopback", _file)
assert _specification is not None
assert _specification.loader is not None
_loopback = importlib.util.module_from_spec(_specification)
sys.modules["tests.support.loopback"] = _loopback
_specification.loader.exec_module(_loopback)
_loopback.install()
