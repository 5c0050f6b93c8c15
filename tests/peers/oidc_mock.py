"""oidc-provider-mock, from PyPI (Authlib beneath it), on a free port."""
import socket
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import oidc_provider_mock


class Threads(ThreadingMixIn, WSGIServer):
    """A browser keeps connections open that it does not use yet."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


probe = socket.socket()
probe.bind(("127.0.0.1", 0))
port = probe.getsockname()[1]
probe.close()
users = [oidc_provider_mock.User(sub="bob@acme.example", claims={"email": "bob@acme.example", "email_verified": True, "name": "Bob Builder"})]
server = make_server("127.0.0.1", port, oidc_provider_mock.app(require_nonce=True, user_claims=users), server_class=Threads, handler_class=Quiet)
print(f"http://127.0.0.1:{port}", flush=True)
server.serve_forever()
