"""Lets scim2-tester loose on a server: BASE_URL, TOKEN. Prints every check; fails when one failed."""

import sys

import httpx2
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

base, token = sys.argv[1:]
http = httpx2.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False)
results = check_server(SyncSCIMClient(http))
failed = 0
for result in results:
    failed += result.status is Status.ERROR
    print(result.status.name, result.title, "|", (result.reason or "").replace("\n", " "))
print(f"{len(results)} checks, {failed} failed")
sys.exit(1 if failed or len(results) < 100 else 0)
