# The table at the end of a load: $load is the summary of `kubectl lp load -o json`, the input is the lines of `kubectl-lp status -o json -w`.
# Arguments: $load, $started and $ended in ms: when the load began and ended.
def services: [.[] | {t: .timeMs, s: (.platforms[0].services // [])}];
def of($name): [services[] | {t, r: (.s[] | select(.name == $name))}];
def peak($field): map(.r[$field] // 0) | max // 0;
def pad($n): tostring | . + (" " * ($n - length));
def ms: if . == null then "-" else (. * 10 | round / 10 | tostring) + " ms" end;
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
  "  \("ROUTE" | pad(16))\("REQUESTS" | pad(10))\("P50" | pad(14))\("P95" | pad(14))\("MAX" | pad(14))FAILED",
  (("login", "speech2text", "recommendation", "health") as $r
    | ($load.metrics["http_req_duration{name:\($r)}"].values // {}) as $d
    | ($load.metrics["http_req_failed{name:\($r)}"].values // {}) as $f
    | "  \($r | pad(16))\($d.count // 0 | pad(10))\($d.med | ms | pad(14))\($d["p(95)"] | ms | pad(14))\($d.max | ms | pad(14))\($f.passes // 0) of \(($f.passes // 0) + ($f.fails // 0))"),
  "",
  "  \($load.metrics.http_reqs.values.count) requests in \((($ended - $started) / 100 | round) / 10) s, \($load.metrics.iterations.values.count // 0) rounds of a learner, \(($load.metrics.http_req_failed.values.rate * 10000 | round) / 100) % failed"
