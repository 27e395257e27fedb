# SPDX-License-Identifier: Apache-2.0
"""A program that uses python3-requests as anybody would: proxies and CA bundle from its environment."""
import json
import os
import sys

import requests


def say(**value):
    print(json.dumps(value), flush=True)


session = requests.Session()
session.headers["Authorization"] = "Bearer " + os.environ["HF_TOKEN"]
what, url = sys.argv[1], sys.argv[2]

if what == "get":
    answer = session.get(url, params={"limit": 2, "search": "a b&c"})
    say(status=answer.status_code, body=answer.json(), type=answer.headers["content-type"])
elif what == "post":
    # requests 2.28 sends a generator past an HTTPS proxy: a body with a length there.
    chunked = "HTTPS_PROXY" not in os.environ or url.startswith("http:")
    answer = session.post(url, data=(b"x" * 65536 for _ in range(32)) if chunked else b"x" * 65536 * 32)
    say(status=answer.status_code, body=answer.json())
elif what == "stream":
    with session.get(url, stream=True) as answer:
        for line in answer.iter_lines(chunk_size=1):
            if line:
                say(line=line.decode())
        say(status=answer.status_code)
elif what == "redirect":
    answer = session.get(url, allow_redirects=False)
    say(status=answer.status_code, location=answer.headers.get("location"))
elif what == "truncated":
    try:
        session.get(url)
        say(complete=True)
    except requests.exceptions.RequestException as error:
        say(error=type(error).__name__)
