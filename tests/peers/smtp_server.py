"""An SMTP server of somebody else's making (aiosmtpd): it takes mail only after STARTTLS and AUTH.

Usage: smtp_server.py FOLDER PORT. FOLDER holds cert.pem and key.pem; each mail it takes becomes a file there,
with the envelope's recipients as X-Rcpt headers. Addresses that begin with "refused" are refused for good.
Prints one line when it listens.
"""

import asyncio
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

folder, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
count = len(list(folder.glob("*.eml")))


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused"):
            return "550 5.1.1 no such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        global count
        count += 1
        head = "".join(f"X-Rcpt: {to}\r\n" for to in envelope.rcpt_tos)
        part = folder / f"{count}.part"
        part.write_bytes(head.encode() + envelope.content)
        part.rename(folder / f"{count}.eml")
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"vestibule", b"secret")
    return AuthResult(success=good)


async def main():
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    loop = asyncio.get_running_loop()

    def serve():
        return SMTP(Handler(), hostname="localhost", tls_context=tls, require_starttls=True, auth_required=True,
                    auth_require_tls=True, authenticator=authenticate, loop=loop)

    server = await loop.create_server(serve, "127.0.0.1", port)
    print("listening", flush=True)
    await server.serve_forever()


asyncio.run(main())
