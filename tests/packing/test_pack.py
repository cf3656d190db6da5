from __future__ import annotations

import os
import pickle
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path

import cloudpickle
import pytest

from pcm.packing import pack
from tests.written_modules import written

LOADS = """
import pickle, sys
for name in ("pcm", "helpers", "main_script", "tests"):
    try:
        __import__(name)
    except ModuleNotFoundError:
        continue
    raise SystemExit(f"{name} is importable: this test shows nothing")
function, arguments = pickle.loads(sys.stdin.buffer.read())
print(list(function("context", [1, 2], **arguments)))
"""

ROOT = Path(__file__).parents[2]


def run_bare(payload: bytes, tmp_path: Path) -> str:
    """What a process prints that has the libraries and ``workers``, but neither pcm nor the user's.

    ``-I`` and no site keep this checkout and the current directory off its path.
    """
    (tmp_path / "kit").mkdir(exist_ok=True)
    if not (tmp_path / "kit" / "workers").exists():
        (tmp_path / "kit" / "workers").symlink_to(ROOT / "workers")
    paths = [str(tmp_path / "kit"), sysconfig.get_path("purelib")]
    program = f"import sys; sys.path += {paths!r}\n{LOADS}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        input=payload,
        capture_output=True,
        cwd=tmp_path / "kit",
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def send(tmp_path: Path, main: str, arguments: str = "{}", **files: str) -> str:
    folder = tmp_path / "project"
    folder.mkdir(exist_ok=True)
    with written(folder, "main_script", main_script=main, **files) as module:
        payload = pack(
            (getattr(module.task, "function", module.task), eval(arguments, vars(module)))
        )
    return run_bare(payload, tmp_path)


HELPERS = """
    import threading
    LOCK = threading.Lock()      # cannot be pickled, and is not needed
    FACTOR = 10
    class Point:
        def __init__(self, x): self.x = x
        def scaled(self): return self.x * FACTOR
    def double(x): return 2 * x
    def uses_lock():
        with LOCK: return 1
"""


def test_functions_classes_and_modules_of_the_user_go_by_value(tmp_path: Path) -> None:
    main = """
        import helpers
        from helpers import double
        import json, functools
        @functools.cache
        def remembered(x): return x + 100
        def task(context, items, point, *, more=helpers.FACTOR):
            for item in items:
                yield json.dumps([context, double(item), helpers.FACTOR, point.scaled(),
                                  isinstance(point, helpers.Point), remembered(item), more])
    """
    printed = send(tmp_path, main, "{'point': helpers.Point(3)}", helpers=HELPERS)
    assert printed == str([f'["context", {2 * i}, 10, 30, true, {i + 100}, 10]' for i in (1, 2)])


def test_modules_imported_in_a_body_go_as_source(tmp_path: Path) -> None:
    main = """
        def task(context, items):
            import helpers
            from pkg.inner import thing
            from pkg import inner
            for item in items:
                yield helpers.uses_lock() + item, thing(), inner.__name__
    """
    inner = "from . import other\nfrom helpers import double\ndef thing(): return double(other.Y)\n"
    files = {"pkg__init__": "", "pkg__inner": inner, "pkg__other": "Y = 21\n"}
    assert send(tmp_path, main, helpers=HELPERS, **files) == (
        "[(2, 42, 'pkg.inner'), (3, 42, 'pkg.inner')]"
    )


def test_a_module_passed_around_as_a_whole_works(tmp_path: Path) -> None:
    main = """
        import helpers
        def task(context, items, name):
            return [getattr(helpers, name)(item) for item in items]
    """
    assert send(tmp_path, main, "{'name': 'double'}", helpers=HELPERS) == "[2, 4]"


def test_modules_that_refer_to_each_other_work(tmp_path: Path) -> None:
    main = """
        import helpers
        def size(): return 5
        def task(context, items):
            return [helpers.ask() for item in items]
    """
    helpers = "import main_script\ndef ask(): return main_script.size()\n"
    assert send(tmp_path, main, helpers=helpers) == "[5, 5]"


def test_declared_tasks_and_contexts_travel_without_pcm(tmp_path: Path) -> None:
    main = """
        import pcm.recipe as declare
        from pcm.errors import ItemError

        @declare.context(gpu_memory="1 GB", files=())
        def loader(model): return f"loaded {model}"

        @declare.task
        def inner(context, items, mark=""): return [f"{context}{mark}{i}" for i in items]
        marked = inner.bind(mark=":")

        @declare.task(retries=3)
        def task(context, items):
            yield loader("m")
            yield from marked(context, items)
            try:
                raise ItemError("an error of pcm's")
            except ItemError as error:
                yield str(error)
    """
    assert send(tmp_path, main) == ("['loaded m', 'context:1', 'context:2', \"an error of pcm's\"]")


def test_workers_code_goes_by_name(tmp_path: Path) -> None:
    main = """
        from workers.protocol import Gpu
        def task(context, items):
            return [Gpu(item, "u", "n", 1).index for item in items]
    """
    assert send(tmp_path, main) == "[1, 2]"


def test_a_module_that_is_named_as_installed_goes_by_name(tmp_path: Path) -> None:
    main = "import helpers\ndef task(c, items):\n    return helpers.double(c)\n"
    with written(tmp_path, "main_script", main_script=main, helpers=HELPERS) as module:
        assert b"FACTOR" not in pack(module.task)
        by_value, by_name = pack(module.task), pack(module.task, installed=["helpers.sub"])
    assert len(by_name) < len(by_value)


def test_the_registry_of_cloudpickle_is_left_as_it_was(tmp_path: Path) -> None:
    with written(tmp_path, "helpers", helpers=HELPERS) as module:
        cloudpickle.register_pickle_by_value(module)
        try:
            before = cloudpickle.cloudpickle.list_registry_pickle_by_value()
            threads = [threading.Thread(target=pack, args=(module.double,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert cloudpickle.cloudpickle.list_registry_pickle_by_value() == before
        finally:
            cloudpickle.unregister_pickle_by_value(module)


def test_a_later_version_of_a_module_replaces_the_earlier_one(tmp_path: Path) -> None:
    main = "def task(c, items):\n    import helpers\n    return helpers.VERSION\n"
    payloads = []
    for version in (1, 2):
        files = {"main_script": main, "helpers": f"VERSION = {version}\n"}
        with written(tmp_path, "main_script", **files) as module:
            payloads.append(pack(module.task))
    program = (
        "import pickle, sys\n"
        f"sys.path.append({sysconfig.get_path('purelib')!r})\n"
        "for payload in pickle.load(sys.stdin.buffer):\n"
        "    print(pickle.loads(payload)(0, []))\n"
    )
    printed = subprocess.check_output(
        [sys.executable, "-I", "-S", "-c", program], cwd=tmp_path, input=pickle.dumps(payloads)
    )
    assert printed.split() == [b"1", b"2"]


def test_a_module_with_two_names_is_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with written(tmp_path, "helpers", helpers=HELPERS) as module:
        monkeypatch.setitem(sys.modules, "another_name", module)
        monkeypatch.setitem(sys.modules, "__mp_main__", sys.modules["__main__"])
        before = cloudpickle.cloudpickle.list_registry_pickle_by_value()
        assert pack(module.double) == pack(module.double)
        assert cloudpickle.cloudpickle.list_registry_pickle_by_value() == before


@pytest.mark.parametrize("spoil", ["task", "main_script"])
def test_tracebacks_show_the_users_file(tmp_path: Path, spoil: str) -> None:
    bad = "def fail():\n    raise RuntimeError('on purpose')\n"
    main = "from helpers import fail\ndef task(c, items):\n    fail()\n"
    if spoil == "main_script":
        main = "def task(c, items):\n    from helpers import fail\n    fail()\n"
    with pytest.raises(AssertionError) as caught:
        send(tmp_path, main, helpers=bad)
    assert f'{tmp_path}/project/helpers.py", line 2, in fail' in str(caught.value)
