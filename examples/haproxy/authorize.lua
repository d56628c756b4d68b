-- Asks peppol-authz about a request. Needs nothing but HAProxy 2.6 with Lua.

local SIDECAR = "http://127.0.0.1:8180/authz/haproxy"
local TIMEOUT = 1000 -- milliseconds

-- Sent with the question, besides method, target and body.
local ASKED_WITH = {
  "authorization", "content-type", "content-encoding", "x-request-id",
  -- So that they are refused: some services take these for the method.
  "x-http-method-override", "x-http-method", "x-method-override",
}
-- Handed to the backend, and to a client that is denied.
local ALLOWED_WITH = {
  "x-authz-subject", "x-authz-subject-type", "x-authz-resource", "x-authz-decision-id",
  "x-authz-obligations", "x-authz-plan", "x-authz-plan-id",
}
local DENIED_WITH = { "content-type", "www-authenticate", "x-authz-code", "x-authz-decision-id" }

local function answer(txn, status, headers, body)
  local reply = txn:reply()
  reply:set_status(status)
  for name, value in pairs(headers) do
    reply:add_header(name, value)
  end
  reply:set_body(body)
  txn:done(reply)
end

-- The body where all of it is in the buffer, which only its length can say.
local function whole_body(txn, sent)
  if sent["content-length"] == nil or sent["transfer-encoding"] ~= nil then
    return nil
  end
  local length = txn.f:req_body_len()
  if length == 0 or length ~= txn.f:req_body_size() then
    return nil
  end
  return txn.f:req_body()
end

local function authorize(txn)
  local sent = txn.http:req_get_headers()
  local question = {
    url = SIDECAR,
    timeout = TIMEOUT,
    headers = {
      ["x-original-method"] = { txn.f:method() },
      ["x-original-uri"] = { txn.f:pathq() },
    },
  }
  for _, name in ipairs(ASKED_WITH) do
    local values = {}
    for i = 0, #(sent[name] or {}) do
      -- HAProxy counts from 0. Each of several values is sent: the sidecar refuses them.
      if sent[name] and sent[name][i] then
        values[#values + 1] = sent[name][i]
      end
    end
    if #values > 0 then
      question.headers[name] = values
    end
  end
  question.body = whole_body(txn, sent)

  local client = core.httpclient()
  local found
  if question.body then
    found = client:post(question)
  else
    found = client:get(question)
  end

  local function value(name)
    local values = found.headers and found.headers[name]
    return values and values[0]
  end

  if found and found.status == 200 then
    for _, name in ipairs(ALLOWED_WITH) do
      txn.http:req_set_header(name, value(name) or "")
    end
    txn:set_var("txn.authz_allowed", true)
  elseif found and (found.status == 401 or found.status == 403) then
    local headers = {}
    for _, name in ipairs(DENIED_WITH) do
      headers[name] = value(name)
    end
    answer(txn, found.status, headers, found.body or "")
  else
    answer(txn, 503, {}, "")
  end
end

-- Looks at the parts of a message that is in the buffer, of which each trailer is one.
local function has_trailers(txn)
  for i = 0, txn.f:internal_htx_nbblks() - 1 do
    if string.find(tostring(txn.f:internal_htx_blk_type(tostring(i))), "TLR", 1, true) then
      return true
    end
  end
  return false
end

core.register_fetches("has_trailers", has_trailers)
core.register_action("authorize", { "http-req" }, authorize, 0)
