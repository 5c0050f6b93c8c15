"""A SAML identity provider made of pysaml2, for tests.

    pysaml2_idp.py FOLDER

Prints its address. GET /metadata; POST /trust with the service provider's metadata; GET /sso as the
HTTP-Redirect binding asks, then a page where somebody types an address and signs in.
"""

import html
import pathlib
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.authn_context import PASSWORDPROTECTEDTRANSPORT
from saml2.config import IdPConfig
from saml2.metadata import create_metadata_string
from saml2.saml import NAMEID_FORMAT_EMAILADDRESS, NameID
from saml2.server import Server
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

folder = pathlib.Path(sys.argv[1])
key, certificate = folder / "idp.key", folder / "idp.crt"
subprocess.run(
    ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=pysaml2",
     "-keyout", key, "-out", certificate],
    check=True, capture_output=True,
)
state = {}


def configuration(trusted):
    base = state["base"]
    return IdPConfig().load({
        "entityid": f"{base}/metadata",
        "service": {"idp": {
            "endpoints": {"single_sign_on_service": [(f"{base}/sso", BINDING_HTTP_REDIRECT)]},
            "name_id_format": [NAMEID_FORMAT_EMAILADDRESS],
            "policy": {"default": {"lifetime": {"minutes": 5}}},
            "subject_data": str(folder / "subjects"),
        }},
        "key_file": str(key), "cert_file": str(certificate), "xmlsec_binary": "/usr/bin/xmlsec1",
        "metadata": {"local": trusted},
    })


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, text, kind="text/html; charset=utf-8"):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/metadata":
            metadata = create_metadata_string(None, config=configuration([]), sign=False)
            return self.answer(metadata.decode(), "application/samlmetadata+xml")
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        fields = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in query.items())
        return self.answer(
            f'<title>pysaml2</title><form method="post" action="/sso">{fields}'
            '<input name="email" id="email"><button id="go">Sign in</button></form>')

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path == "/trust":
            (folder / "sp.xml").write_text(body)
            state["idp"] = Server(config=configuration([str(folder / "sp.xml")]))
            return self.answer("trusted")
        form = {name: values[0] for name, values in parse_qs(body).items()}
        idp = state["idp"]
        request = idp.parse_authn_request(form["SAMLRequest"], BINDING_HTTP_REDIRECT)
        arguments = idp.response_args(request.message, [BINDING_HTTP_POST])
        response = idp.create_authn_response(
            {"mail": [form["email"]]}, userid=form["email"],
            name_id=NameID(format=NAMEID_FORMAT_EMAILADDRESS, text=form["email"]),
            authn={"class_ref": PASSWORDPROTECTEDTRANSPORT, "authn_auth": state["base"]},
            sign_assertion=True, sign_response=True, sign_alg=SIG_RSA_SHA256, digest_alg=DIGEST_SHA256,
            **{k: v for k, v in arguments.items() if k != "binding" and k != "name_id_policy"})
        page = idp.apply_binding(
            BINDING_HTTP_POST, str(response), arguments["destination"], form.get("RelayState", ""), response=True)
        return self.answer(page["data"])


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
state["base"] = f"http://127.0.0.1:{server.server_port}"
print(state["base"], flush=True)
server.serve_forever()
