import socket

import pytest

from api.__main__ import listen
from common.errors import SettingError


def test_answers_do_not_wait_for_acknowledgements():
    """Without it head and body of an answer are sent 40 ms apart."""
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", None), ("192.0.2.1", 0), ("no host at all", 0)])
def test_where_it_cannot_listen_is_told(host, port):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1] if port is None else port
        with pytest.raises(SettingError, match=f"HTTP_PORT={port} cannot be used on HTTP_HOST={host}"):
            listen(host, port)
