#!/usr/bin/env python3
"""Another adapter of custom.metrics.k8s.io, as far as it is asked here: HTTPS, discovery with one metric, and its value for who has a token.
    other_adapter.py PORT CERTIFICATE KEY"""
import http.server
import json
import re
import ssl
import sys

GROUP = 'custom.metrics.k8s.io'


def answer(path, token):
    version = re.fullmatch(r'/apis/custom\.metrics\.k8s\.io/(v1beta[12])', path)
    if version:
        metric = {'name': 'pods/requests', 'singularName': '', 'namespaced': True, 'kind': 'MetricValueList', 'verbs': ['get']}
        return 200, {'kind': 'APIResourceList', 'apiVersion': 'v1', 'groupVersion': f'{GROUP}/{version[1]}', 'resources': [metric]}
    if re.fullmatch(r'/apis/custom\.metrics\.k8s\.io/v1beta[12]/namespaces/learning/pods/(\*|%2A)/requests', path) and token:
        pod = {'kind': 'Pod', 'namespace': 'learning', 'name': 'somebody', 'apiVersion': 'v1'}
        return 200, {'kind': 'MetricValueList', 'apiVersion': f'{GROUP}/v1beta2', 'metadata': {}, 'items': [
            {'describedObject': pod, 'metric': {'name': 'requests'}, 'timestamp': '2026-01-01T00:00:00Z', 'value': '77'}]}
    code = 404 if token else 401
    return code, {'kind': 'Status', 'apiVersion': 'v1', 'metadata': {}, 'status': 'Failure', 'code': code}


class Adapter(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        status, document = answer(self.path, self.headers.get('Authorization', '').startswith('Bearer '))
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)


port, certificate, key = sys.argv[1:]
server = http.server.ThreadingHTTPServer(('0.0.0.0', int(port)), Adapter)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
