# The table at the end of a load: $load is the summary of `kubectl lp load -o json`, the input is the lines of `kubectl-lp status -o json -w`.
# Arguments: $load, $started and $ended in ms: when the load began and ended.
def services: [.[] | {t: .timeMs, s: (.platforms[0].services // [])}];
def of($name): [services[] | {t, r: (.s[] | select(.name == $name))}];
def peak($field): map(.r[$field] // 0) | max // 0;
def pad($n): tostring | . + (" " * ($n - length));
def ms: if . == null then "-" elif . >= 1000 then "\(. / 10 | round / 100) s" else "\(. * 10 | round / 10) ms" end;
. as $samples
| ([$samples[0].platforms[0].services[]?.name]) as $names
| "  \("SERVICE" | pad(13))\("BEFORE" | pad(8))\("PEAK" | pad(6))\("AFTER" | pad(7))\("QUEUE PEAK" | pad(12))DECISION THAT LED TO THE PEAK",
  ($names[] as $n | ($samples | of($n)) as $all
    | ($all | map(select(.t < $started)) | last.r.ready // 0) as $before
    | ($all | peak("ready")) as $top
    | ($all | last.r.ready // 0) as $after
    | ($all | map(select(.r.why // "" | test("^[0-9]+ to "))) | max_by(.r.desired) | .r.why // "stayed as it was") as $why
    | "  \($n | pad(13))\($before | pad(8))\($top | pad(6))\($after | pad(7))\($all | peak("queue") | . * 100 | round / 100 | pad(12))\($why)"),
  "",
  "  \("ROUTE" | pad(16))\("REQUESTS" | pad(10))\("P50" | pad(11))\("P95" | pad(11))\("P99" | pad(11))\("MAX" | pad(11))FAILED",
  (("login", "speech2text", "recommendation", "health") as $r
    | ($load.metrics["http_req_duration{name:\($r)}"].values // {}) as $d
    | "  \($r | pad(16))\($d.count // 0 | pad(10))\($d.med | ms | pad(11))\($d["p(95)"] | ms | pad(11))\($d["p(99)"] | ms | pad(11))\($d.max | ms | pad(11))\($load.metrics["http_req_failed{name:\($r)}"].values.passes // 0)"),
  ($load.causes // {} | to_entries[] | .key as $r | .value | to_entries[] | "  \(.value) of \($r) failed: \(.key)"),
  "",
  "  \($load.metrics.iterations.values.count // 0) rounds (login to health) were completed, \($load.metrics.http_reqs.values.count) requests in \((($ended - $started) / 100 | round) / 10) s; \(($load.metrics.http_req_failed.values.rate * 10000 | round) / 100) % of them failed",
  ($load.clock // empty | "  the loader began 99 of 100 rounds at most \(.p99 | ms) late")
