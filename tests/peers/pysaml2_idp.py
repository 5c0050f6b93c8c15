"""A SAML identity provider made of pysaml2, for tests.

    pysaml2_idp.py FOLDER

Prints its address. GET /metadata; POST /trust with the service provider's metadata; POST /mode with what to sign
and encrypt; POST /rotate for a new key; GET /sso as the HTTP-Redirect binding asks, then a page where somebody types
an address and signs in; GET /start for a sign-in that begins here; GET /slo for logouts; GET /logout?email= to begin
one.
"""

import functools
import html
import json
import pathlib
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import saml2.entity
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.authn_context import PASSWORDPROTECTEDTRANSPORT
from saml2.config import IdPConfig
from saml2.metadata import create_metadata_string
from saml2.saml import NAMEID_FORMAT_EMAILADDRESS, NameID
from saml2.server import Server
from saml2.sigver import SecurityContext, pre_encryption_part
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

# Left to itself it encrypts with triple DES.
saml2.entity.pre_encryption_part = functools.partial(
    pre_encryption_part, msg_enc="http://www.w3.org/2009/xmlenc11#aes256-gcm")
SecurityContext.encrypt_assertion = functools.partialmethod(SecurityContext.encrypt_assertion, key_type="aes-256")

folder = pathlib.Path(sys.argv[1])
state = {"mode": {"sign": "both", "encrypt": False}, "pairs": 0}


def make_pair():
    number = state["pairs"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "90", "-subj", "/CN=pysaml2",
         "-keyout", folder / f"idp{number}.key", "-out", folder / f"idp{number}.crt"],
        check=True, capture_output=True,
    )
    state["pairs"] = number + 1


make_pair()


def configuration(trusted):
    base, newest = state["base"], state["pairs"] - 1
    others = [{"key_file": str(folder / f"idp{n}.key"), "cert_file": str(folder / f"idp{n}.crt")} for n in range(newest)]
    return IdPConfig().load({
        "entityid": f"{base}/metadata",
        "service": {"idp": {
            "endpoints": {
                "single_sign_on_service": [(f"{base}/sso", BINDING_HTTP_REDIRECT)],
                "single_logout_service": [(f"{base}/slo", BINDING_HTTP_REDIRECT)],
            },
            "name_id_format": [NAMEID_FORMAT_EMAILADDRESS],
            "policy": {"default": {"lifetime": {"minutes": 5}}},
            "subject_data": str(folder / "subjects"),
        }},
        "key_file": str(folder / f"idp{newest}.key"), "cert_file": str(folder / f"idp{newest}.crt"),
        "additional_cert_files": [pair["cert_file"] for pair in others],
        "xmlsec_binary": "/usr/bin/xmlsec1",
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

    def go(self, to):
        self.send_response(302)
        self.send_header("Location", to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def carry(self, message, destination, relay_state, response, binding=BINDING_HTTP_POST):
        """Sends a message the way that was asked for."""
        page = state["idp"].apply_binding(
            binding, str(message), destination, relay_state, response=response, sign=binding == BINDING_HTTP_REDIRECT,
            sigalg=SIG_RSA_SHA256)
        if binding == BINDING_HTTP_REDIRECT:
            return self.go(dict(page["headers"])["Location"])
        return self.answer(page["data"])

    def do_GET(self):
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/metadata":
            metadata = create_metadata_string(None, config=configuration([]), sign=False)
            metadata = metadata.decode()
            # Certificates of before are published beside the one in use.
            for number in range(state["pairs"] - 1):
                text = (folder / f"idp{number}.crt").read_text().split("-----")[2].strip()
                start = metadata.index("<", metadata.index("IDPSSODescriptor"))
                old = ('<md:KeyDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" use="signing"><ds:KeyInfo '
                       'xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>'
                       f'{text}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>')
                metadata = metadata[:start] + old + metadata[start:]
            return self.answer(metadata, "application/samlmetadata+xml")
        if url.path == "/slo":
            return self.logout(query)
        if url.path == "/logout":
            entity = next(iter(state["idp"].metadata.service_providers()))
            destination = state["idp"].metadata.single_logout_service(entity, BINDING_HTTP_REDIRECT, "spsso")[0]["location"]
            _, message = state["idp"].create_logout_request(
                destination, entity, name_id=NameID(format=NAMEID_FORMAT_EMAILADDRESS, text=query["email"]),
                sign=False)
            return self.carry(message, destination, "", False, BINDING_HTTP_REDIRECT)
        fields = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in query.items())
        return self.answer(
            f'<title>pysaml2</title><form method="post" action="/sso">{fields}'
            '<input name="email" id="email"><button id="go">Sign in</button></form>')

    def logout(self, query):
        idp = state["idp"]
        if "SAMLResponse" in query:
            said = idp.parse_logout_request_response(query["SAMLResponse"], BINDING_HTTP_REDIRECT)
            return self.answer(f'<title>pysaml2</title><p id="end">Everywhere: {said.status_ok()}</p>')
        request = idp.parse_logout_request(
            query["SAMLRequest"], BINDING_HTTP_REDIRECT, relay_state=query.get("RelayState", ""),
            sigalg=query["SigAlg"], signature=query["Signature"])
        response = idp.create_logout_response(request.message, [BINDING_HTTP_REDIRECT], sign=False)
        entity = request.message.issuer.text
        destination = idp.metadata.single_logout_service(entity, BINDING_HTTP_REDIRECT, "spsso")[0]["location"]
        return self.carry(response, destination, query.get("RelayState", ""), True, BINDING_HTTP_REDIRECT)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        if self.path == "/trust":
            (folder / "sp.xml").write_text(body)
            state["idp"] = Server(config=configuration([str(folder / "sp.xml")]))
            return self.answer("trusted")
        if self.path == "/mode":
            state["mode"] = json.loads(body)
            return self.answer("set")
        if self.path == "/rotate":
            make_pair()
            state["idp"] = Server(config=configuration([str(folder / "sp.xml")]))
            return self.answer("rotated")
        form = {name: values[0] for name, values in parse_qs(body).items()}
        idp, mode = state["idp"], state["mode"]
        if "SAMLRequest" in form:
            request = idp.parse_authn_request(form["SAMLRequest"], BINDING_HTTP_REDIRECT)
            arguments = idp.response_args(request.message, [BINDING_HTTP_POST])
        else:
            entity = next(iter(idp.metadata.service_providers()))
            destination = idp.metadata.assertion_consumer_service(entity, BINDING_HTTP_POST)[0]["location"]
            arguments = {"in_response_to": None, "destination": destination, "sp_entity_id": entity}
        response = idp.create_authn_response(
            {"mail": [form["email"]]}, userid=form["email"],
            name_id=NameID(format=NAMEID_FORMAT_EMAILADDRESS, text=form["email"]),
            authn={"class_ref": PASSWORDPROTECTEDTRANSPORT, "authn_auth": state["base"]},
            sign_assertion=mode["sign"] != "response", sign_response=mode["sign"] != "assertion",
            encrypt_assertion=mode["encrypt"], encrypt_assertion_self_contained=True,
            sign_alg=SIG_RSA_SHA256, digest_alg=DIGEST_SHA256,
            **{k: v for k, v in arguments.items() if k != "binding" and k != "name_id_policy"})
        return self.carry(response, arguments["destination"], form.get("RelayState", ""), True)


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
state["base"] = f"http://127.0.0.1:{server.server_port}"
print(state["base"], flush=True)
server.serve_forever()
