-- /etc/haproxy/vestibule.lua: asks Vestibule whether a request may pass.
local VESTIBULE = "http://127.0.0.1:8080"
local IDENTITY = {
    "x-vestibule-user", "x-vestibule-account", "x-vestibule-email", "x-vestibule-name", "x-vestibule-groups",
    "x-vestibule-groups-truncated", "x-vestibule-jwt",
}
local FORWARDED = { "cookie", "authorization", "accept", "sec-fetch-mode", "sec-fetch-dest", "user-agent" }
local OF_THE_CONNECTION = { ["connection"] = true, ["transfer-encoding"] = true, ["content-length"] = true }

core.register_action("vestibule", { "http-req" }, function(txn, application)
    local received = txn.http:req_get_headers()
    local headers = {
        ["x-forwarded-method"] = { txn.sf:method() },
        ["x-forwarded-proto"] = { received["x-forwarded-proto"][0] },
        ["x-forwarded-host"] = { txn.sf:req_hdr("host") },
        ["x-forwarded-uri"] = { txn.sf:pathq() },
        ["x-forwarded-for"] = { txn.sf:src() },
    }
    for _, name in ipairs(FORWARDED) do
        local values = {}
        for _, value in pairs(received[name] or {}) do
            table.insert(values, value)
        end
        if #values > 0 then
            headers[name] = values
        end
    end
    local answer = core.httpclient():get{ url = VESTIBULE .. "/forward-auth/" .. application, headers = headers }
    if answer and answer.status == 200 then
        for _, name in ipairs(IDENTITY) do
            local value = answer.headers[name] and answer.headers[name][0]
            txn.http:req_set_header(name, value or "")
        end
        return
    end
    local reply = txn:reply()
    if not answer or answer.status == 0 then
        reply:set_status(503)
        txn:done(reply)
        return
    end
    reply:set_status(answer.status, answer.reason)
    for name, values in pairs(answer.headers) do
        if not OF_THE_CONNECTION[name] then
            for _, value in pairs(values) do
                reply:add_header(name, value)
            end
        end
    end
    reply:set_body(answer.body or "")
    txn:done(reply)
end, 1)
