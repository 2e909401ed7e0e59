"""An SMTP server that demands STARTTLS and a login (cs, right); with a second word it speaks TLS from the first byte,
and if that is `as-authority` it shows its authority's certificate as its own. Prints its port; ends with its standard input.

Each mail becomes N.eml in the folder that is named, before the answer goes out. What the answer is says the file `mode`
there: `take` (also without the file), `busy` (451), `drop` (the connection is closed without an answer), `hang` (no answer).
"""

import asyncio
import pathlib
import ssl
import sys

import trustme
from aiosmtpd.smtp import SMTP, AuthResult

folder = pathlib.Path(sys.argv[1])
at_once = len(sys.argv) > 2


def mode():
    file = folder / "mode"
    return file.read_text().strip() if file.exists() else "take"


class Handler:
    async def handle_DATA(self, server, session, envelope):
        number = len(list(folder.glob("*.eml"))) + 1
        fresh = folder / f"{number}.new"
        fresh.write_bytes(envelope.content)
        fresh.rename(folder / f"{number}.eml")
        if mode() == "drop":
            server.transport.abort()
        if mode() == "hang":
            await asyncio.sleep(3600)
        return "451 later, please" if mode() == "busy" else "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    right = (data.login, data.password) == (b"cs", b"right")
    # Not handled: the server says 535 itself.
    return AuthResult(success=right, handled=False)


async def main():
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "root.pem")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    if sys.argv[2:] == ["as-authority"]:
        authority.private_key_pem.write_to_path(folder / "root.key")
        tls.load_cert_chain(folder / "root.pem", folder / "root.key")
    else:
        authority.issue_cert("127.0.0.1").configure_cert(tls)

    def server():
        return SMTP(
            Handler(),
            tls_context=None if at_once else tls,
            require_starttls=not at_once,
            authenticator=authenticate,
            auth_required=True,
            auth_require_tls=not at_once,
        )

    loop = asyncio.get_running_loop()
    listening = await loop.create_server(server, "127.0.0.1", 0, ssl=tls if at_once else None)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
