"""Keeps the key that the requests are sent with: without it, all that follows would be refused."""

import json
import os
import urllib.request
import uuid

import schemathesis

_request = urllib.request.Request(
    os.environ["ONEOFF_URL"] + "/api/api-keys",
    headers={"Authorization": "Bearer " + os.environ["ONEOFF_KEY"]},
)
with urllib.request.urlopen(_request) as _answer:
    OWN_KEY_IDS = {key["id"] for key in json.load(_answer)["data"]}


@schemathesis.hook
def before_call(_context, case, **_options):
    id = str((case.path_parameters or {}).get("id", ""))
    if "/api-keys/" in case.path and id.lower() in OWN_KEY_IDS:
        case.path_parameters["id"] = str(uuid.UUID(int=0))
