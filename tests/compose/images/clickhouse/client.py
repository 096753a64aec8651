#!/usr/local/bin/python3
"""The options of clickhouse-client that our README uses, over HTTP."""

import argparse
import sys
import urllib.error
import urllib.parse
import urllib.request

parser = argparse.ArgumentParser(add_help=False)
parser.add_argument("--host", "-h", default="127.0.0.1")
parser.add_argument("--user", "-u", default="default")
parser.add_argument("--password", default="")
parser.add_argument("--query", "-q")
chosen = parser.parse_args()
sql = chosen.query or sys.stdin.read()
request = urllib.request.Request(f"http://{chosen.host}:8123/", data=sql.encode())
request.add_header("X-ClickHouse-User", chosen.user)
request.add_header("X-ClickHouse-Key", chosen.password)
try:
    with urllib.request.urlopen(request, timeout=60) as answer:
        sys.stdout.write(answer.read().decode())
except urllib.error.HTTPError as error:
    sys.exit(error.read().decode())
