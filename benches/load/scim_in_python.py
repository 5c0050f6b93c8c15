"""scim2-server's application, which keeps users in memory, for the benchmark beside it.

Behind waitress: its own command closes the connection after each answer, and is measured as well.
"""

import waitress
from scim2_server.applications.wsgi import WSGIApplication
from scim2_server.memory import InMemoryStorage
from scim2_server.utils import load_default_provider

app = WSGIApplication(InMemoryStorage(), load_default_provider())
server = waitress.create_server(app, host="127.0.0.1", port=0)
print(f"http://127.0.0.1:{server.effective_port}/v2", flush=True)
server.run()
