-- For wrk: compares every answer with the recorded one, and says at the end what was found.
-- Arguments: the file of the expected body ("" for any), bytes of it to leave out at its start, the expected beginning
-- of Cache-Status ("" for any), how many requests a second all connections send together (0 for as many as are answered),
-- then headers to send, each as NAME=VALUE.

local ffi = require("ffi")

-- os.clock() counts processor time and os.time() whole seconds.
ffi.cdef([[
  struct moment { long seconds; long nanoseconds; };
  int clock_gettime(int clock, struct moment *moment);
]])
local MONOTONIC = ffi.os == "OSX" and 6 or 1
local moment = ffi.new("struct moment")

local threads = {}

local function milliseconds()
  ffi.C.clock_gettime(MONOTONIC, moment)
  return tonumber(moment.seconds) * 1000 + tonumber(moment.nanoseconds) / 1e6
end

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  skipped, status_begins = tonumber(args[2]), args[3]
  wrong, elsewhere, reason, expected = 0, 0, "", nil
  if args[1] ~= "" then
    local file = assert(io.open(args[1], "rb"))
    expected = file:read("*a"):sub(skipped + 1)
    file:close()
  end
  local rate = tonumber(args[4])
  if rate > 0 then
    -- wrk asks before each request how long its connection is to wait. Whichever asks gets the next moment at which one
    -- is due: evenly spaced, as far as wrk's timers go (milliseconds). One that is late is sent at once.
    local due = milliseconds()
    delay = function()
      due = due + 1000 / rate
      return math.max(0, math.floor(due - milliseconds() + 0.5))
    end
  end
  for i = 5, #args do
    local name, value = args[i]:match("^([^=]+)=(.*)$")
    wrk.headers[name] = value
  end
  sent = wrk.format("GET")
end

function request()
  return sent
end

function response(status, headers, body)
  if status ~= 200 then
    wrong, reason = wrong + 1, "status " .. status .. ": " .. body:sub(1, 200)
    return
  end
  if skipped > 0 then
    body = body:sub(skipped + 1)
  end
  if expected and body ~= expected then
    wrong, reason = wrong + 1, "another body of " .. #body .. " bytes"
  end
  if status_begins ~= "" then
    local from = headers["cache-status"] or headers["Cache-Status"] or ""
    if from:sub(1, #status_begins) ~= status_begins then
      elsewhere = elsewhere + 1
    end
  end
end

function done(summary, latency, requests)
  local wrong, elsewhere, reason, errors = 0, 0, "", summary.errors
  for _, thread in ipairs(threads) do
    wrong, elsewhere = wrong + thread:get("wrong"), elsewhere + thread:get("elsewhere")
    reason = thread:get("reason")
  end
  io.write(string.format(
    "\nfound: requests=%d microseconds=%d p50=%d p99=%d wrong=%d elsewhere=%d broken=%d reason=%s\n",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), wrong, elsewhere,
    errors.connect + errors.read + errors.write + errors.timeout, reason:gsub("%c", " ")
  ))
end
