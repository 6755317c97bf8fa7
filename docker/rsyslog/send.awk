# Puts documents into Elasticsearch's bulk API, for rsyslog's omprog (confirmMessages, useTransactions): a batch is answered once the store has
# all of it, or has said of a document that it will never take it. Each line is "ID DOCUMENT".
#
# A request that is refused as a whole (400, 413) is sent again in halves, down to one document. What is refused then is put aside in
# LP_LOGS_DIR/refused (at most twice 16 MiB, the newest) and counted on stderr, but only once the store has taken another document, one of
# ours that says so, and refused these again: where it takes nothing at all, all of them wait.
#
# rsyslog's omelasticsearch asks for no status of HTTP: what it sends to a store that answers 401, 429 or 503 is gone. Here such is sent again
# until it is taken, ever less often. LP_LOGS_STORE: a file with curl's options (url, user, cacert, ...), read for each request.
# LP_LOGS_DIR: where the batch lies meanwhile. LP_LOGS_PAUSE: the longest pause before it is sent again, 30 s.

function tell(level, msg, why) {
    gsub(/[\\"]/, " ", why)
    gsub(/[^ -~]/, " ", why)
    print "{\"ts\":\"" strftime("%Y-%m-%dT%H:%M:%SZ", systime(), 1) "\",\"level\":\"" level "\",\"msg\":\"" msg "\",\"why\":\"" \
        substr(why, 1, 400) "\",\"program\":\"lp-logs\"}" | "cat >&2"
    close("cat >&2")
}

# Who started this: another than at first once rsyslog was killed.
function parent(   line, words) {
    line = ""
    getline line < "/proc/self/stat"
    close("/proc/self/stat")
    sub(/^.*\) /, "", line)
    split(line, words, " ")
    return words[2]
}

# Sends docs[first] to docs[last]. 1: none of them has to be sent again; 0: not now; -1: the store refuses the request; -2: it refuses each
# document. `why` says what was answered.
function ask(first, last,   i, id, line, status, answer, code, n, refused) {
    for (i = first; i <= last; i++) {
        id = substr(docs[i], 1, index(docs[i], " ") - 1)
        print "{\"create\":{\"_id\":\"" id "\"}}\n" substr(docs[i], length(id) + 2) > batch
    }
    close(batch)
    status = line = answer = ""
    while ((curl | getline line) > 0) status = status line
    close(curl)
    while ((getline line < reply) > 0) answer = answer line
    close(reply)
    why = status " " answer
    if (status == "400" || status == "413") return -1
    if (status != "200") return 0
    if (answer ~ /"errors": ?false/) return 1
    if (answer !~ /"items": ?\[/) return 0
    refused = n = 0
    while (match(answer, /"status": ?[0-9]+/)) {
        code = substr(answer, RSTART + 9, RLENGTH - 9) + 0
        answer = substr(answer, RSTART + RLENGTH)
        n++
        if (code < 300 || code == 409) continue # 409: it is there already
        # Rights, a block or a missing index are of the store, and may change.
        if (code != 400 && code != 413) return 0
        bad[++refused] = first + n - 1
    }
    if (!refused) return n > 0
    if (n != last - first + 1) return -1 # which ones is not known
    if (refused == n) return -2
    for (i = 1; i <= refused; i++) aside(bad[i], bad[i])
    return 1
}

# Whether the store takes anything: a document that says what goes on.
function takes(   r, reason) {
    reason = why
    docs[0] = "lp-logs-" systime() "-" ++probes " {\"@timestamp\":\"" strftime("%Y-%m-%dT%H:%M:%SZ", systime(), 1) \
        "\",\"level\":\"error\",\"msg\":\"the store refuses documents of this node\",\"program\":\"lp-logs\"}"
    r = ask(0, 0)
    if (r == 1) why = reason
    return r == 1
}

function aside(first, last,   i) {
    system("if [ -n \"$(find '" refuse "' -size +16383k 2>/dev/null)\" ]; then cat '" refuse "' >'" refuse ".before'; : >'" refuse "'; fi")
    for (i = first; i <= last; i++) print docs[i] >> refuse
    close(refuse)
    all += last - first + 1
    tell("error", "the store refuses documents, which are put aside", all " since the start: " why)
}

function rest() {
    if (!told || systime() - told >= 60) {
        told = systime()
        tell("warn", "the store takes no lines: they wait", why)
    }
    system("sleep " pause)
    if (parent() != started) exit 1
    pause = 2 * pause < longest ? 2 * pause : longest
}

function deliver(first, last,   r, sure, middle) {
    sure = 0
    while ((r = ask(first, last)) != 1) {
        if (r == -1 && last > first) {
            middle = int((first + last) / 2)
            deliver(first, middle)
            deliver(middle + 1, last)
            return
        }
        if (r < 0 && sure) {
            aside(first, last)
            return
        }
        sure = r < 0 && takes()
        if (!sure) rest()
    }
    pause = 1
}

function send() {
    if (!n_docs) return
    pause = 1
    told = 0
    deliver(1, n_docs)
    if (told) tell("info", "the store takes lines again", "")
    printf "" > batch
    close(batch)
    n_docs = bytes = 0
}

BEGIN {
    batch = ENVIRON["LP_LOGS_DIR"] "/batch"
    reply = ENVIRON["LP_LOGS_DIR"] "/reply"
    refuse = ENVIRON["LP_LOGS_DIR"] "/refused"
    curl = "rm -f '" reply "'; curl -sS --connect-timeout 10 --max-time 120 -K '" ENVIRON["LP_LOGS_STORE"] \
        "' -H 'Content-Type: application/x-ndjson' --data-binary '@" batch "' -o '" reply "' -w '%{http_code}\\n' 2>&1; echo >>'" reply "'" # mawk misreads a last line without an end
    started = parent()
    longest = ENVIRON["LP_LOGS_PAUSE"] > 0 ? ENVIRON["LP_LOGS_PAUSE"] : 30
    n_docs = bytes = 0
    print "OK"
    fflush()
}
$0 == "BEGIN TRANSACTION" { print "OK"; fflush(); next }
$0 == "COMMIT TRANSACTION" { send(); print "OK"; fflush(); next }
{
    docs[++n_docs] = $0
    bytes += length($0)
    if (bytes > 4000000) send()
    print "DEFER_COMMIT"
    fflush()
}
