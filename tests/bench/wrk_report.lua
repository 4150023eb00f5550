-- Only at the end: a function for each request would slow wrk down.
function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format('\n{"requests": %d, "bytes": %d, "seconds": %f, "errors": %d}\n', summary.requests, summary.bytes,
        summary.duration / 1e6, errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
