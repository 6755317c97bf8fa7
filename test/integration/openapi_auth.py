"""Hooks of schemathesis for lp-auth: every case asks as an admin who is there, from an address of its own.

Environment: LP_AUTH (the program), LP_AUTH_URL, and the program's own (DATABASE_URL ...).
"""

import itertools
import json
import os
import subprocess
import urllib.error
import urllib.request

import schemathesis

URL = os.environ["LP_AUTH_URL"] + "/api/auth/"
PASSWORD = "Pa55phrase"
numbers = itertools.count(1)


def address():
    """Another one each time: who guesses is slowed by address."""
    n = next(numbers)
    return f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"


def post(path, body):
    request = urllib.request.Request(
        URL + path, json.dumps(body).encode(), {"Content-Type": "application/json", "X-Forwarded-For": address()}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


class Admin:
    """The account whose token cases carry; a new one, once the last was erased, disabled or made a user."""

    email = None

    def renew(self):
        self.email = f"admin{next(numbers)}@example.org"
        post("register", {"email": self.email, "password": PASSWORD, "name": "Admin"})
        subprocess.run([os.environ["LP_AUTH"], "--make-admin", self.email], check=True, stdout=subprocess.DEVNULL)

    def token(self):
        if self.email is None:
            self.renew()
        try:
            return post("login", {"email": self.email, "password": PASSWORD})["token"]
        except urllib.error.HTTPError:
            self.renew()
            return post("login", {"email": self.email, "password": PASSWORD})["token"]


admin = Admin()


@schemathesis.auth(refresh_interval=None)
class Bearer:
    def get(self, case, context):
        return admin.token()

    def set(self, case, data, context):
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


@schemathesis.hook
def before_call(context, case, kwargs):
    case.headers = {**(case.headers or {}), "X-Forwarded-For": address()}
