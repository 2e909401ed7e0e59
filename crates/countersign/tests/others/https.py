"""A receiver of webhooks over TLS. Prints its port; writes its root certificate to root.pem in the folder that is named, and
each body to N.json there; ends with its standard input."""

import http.server
import pathlib
import ssl
import sys
import threading

import trustme

folder = pathlib.Path(sys.argv[1])
authority = trustme.CA()
authority.cert_pem.write_to_path(folder / "root.pem")
tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
authority.issue_cert("127.0.0.1").configure_cert(tls)


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        number = len(list(folder.glob("*.json"))) + 1
        (folder / f"{number}.json").write_bytes(body)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
server.socket = tls.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
