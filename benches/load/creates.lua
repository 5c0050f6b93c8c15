-- Creates for wrk: somebody new each time. The argument after the address begins their names.
wrk.method = "POST"
wrk.headers["content-type"] = "application/scim+json"
local BODY = '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"%s","active":true,'
  .. '"name":{"givenName":"Bench","familyName":"User"},"externalId":"%s",'
  .. '"emails":[{"primary":true,"value":"%s","type":"work"}]}'
local run, n = "", 0

function init(args)
  run = args[1]
end

function request()
  n = n + 1
  local id = run .. n
  local name = id .. "@bench.example"
  return wrk.format(nil, nil, nil, BODY:format(name, id, name))
end

-- How many, in so many microseconds, and how many of them failed.
function done(summary)
  local e = summary.errors
  io.write(("\n%d %d %d\n"):format(summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout))
end
