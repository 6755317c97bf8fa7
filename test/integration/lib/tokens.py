"""JSON Web Tokens by a shared key (RFC 7515, HS256), as the tests sign them."""

import base64
import hashlib
import hmac
import json


def b64(raw):
    """base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(claims, key, head=None):
    """`head`: another than that of HS256, for the tests of what is refused. An empty key leaves the signature empty."""
    text = ".".join(b64(json.dumps(part).encode()) for part in (head or {"alg": "HS256", "typ": "JWT"}, claims))
    return f"{text}.{b64(hmac.new(key, text.encode(), hashlib.sha256).digest()) if key else ''}"
