-- SPDX-License-Identifier: Apache-2.0
-- What wrk sends, from the environment, and what it found, as one line of JSON.

local body = os.getenv("BENCH_BODY")
local bytes = tonumber(os.getenv("BENCH_BODY_BYTES") or "0")
if bytes > 0 then body = string.rep("x", bytes) end
if body then
  wrk.method = "POST"
  wrk.body = body
  wrk.headers["Content-Type"] = os.getenv("BENCH_CONTENT_TYPE") or "application/json"
end
wrk.headers["Authorization"] = os.getenv("BENCH_AUTHORIZATION")
if os.getenv("BENCH_CLOSE") then wrk.headers["Connection"] = "close" end

-- Many tokens in turn, one on each line of a file.
if os.getenv("BENCH_TOKENS") then
  local tokens, at = {}, 0
  for line in io.lines(os.getenv("BENCH_TOKENS")) do tokens[#tokens + 1] = "Bearer " .. line end
  request = function()
    at = at % #tokens + 1
    wrk.headers["Authorization"] = tokens[at]
    return wrk.format()
  end
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '{"requests":%d,"us":%d,"bad":%d,"errors":%d,"p50":%d,"p90":%d,"p99":%d}\n',
    summary.requests, summary.duration, e.status, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50), latency:percentile(90), latency:percentile(99)))
end
