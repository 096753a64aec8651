import subprocess
import sys

from infra.demo.memory import descendants, pss_bytes

HOLDS = "import sys; held = bytearray(64 << 20); print('ready', flush=True); sys.stdin.read()"


def test_the_memory_of_those_that_a_process_has_started_is_counted():
    before = pss_bytes()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        assert child.pid in descendants(child.pid)
        assert pss_bytes() - before > 60 << 20
        assert pss_bytes(child.pid) > 60 << 20
        child.communicate()


def test_a_process_that_has_ended_takes_none():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert pss_bytes(child.pid) == 0
