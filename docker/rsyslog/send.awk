# Puts documents into Elasticsearch's bulk API, for rsyslog's omprog (confirmMessages, useTransactions): a batch is answered once the store has
# all of it, or has said of a document that it will never take it. Each line is "ID DOCUMENT".
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

# Whether nothing of the batch has to be sent again; else `why` says what was answered.
function taken(   line, status, answer, code) {
    status = line = answer = ""
    while ((curl | getline line) > 0) status = status line
    close(curl)
    while ((getline line < reply) > 0) answer = answer line
    close(reply)
    why = status " " answer
    if (status != "200") return 0
    if (answer ~ /"errors": ?false/) return 1
    if (answer !~ /"items": ?\[/) return 0
    refused = 0
    while (match(answer, /"status": ?[0-9]+/)) {
        code = substr(answer, RSTART + 9, RLENGTH - 9) + 0
        answer = substr(answer, RSTART + RLENGTH)
        if (code < 300 || code == 409) continue # 409: it is there already
        # Rights, a block or a missing index are of the store, and may change.
        if (code != 400 && code != 413) return 0
        refused++
    }
    if (refused) tell("error", "the store refuses documents, which are lost", refused ": " why)
    return 1
}

function send(   pause, told) {
    if (!bytes) return
    close(batch)
    pause = 1
    while (!taken()) {
        if (!told || systime() - told >= 60) {
            told = systime()
            tell("warn", "the store takes no lines: they wait", why)
        }
        system("sleep " pause)
        if (parent() != started) exit 1
        pause = 2 * pause < longest ? 2 * pause : longest
    }
    if (told) tell("info", "the store takes lines again", "")
    printf "" > batch
    bytes = 0
}

BEGIN {
    batch = ENVIRON["LP_LOGS_DIR"] "/batch"
    reply = ENVIRON["LP_LOGS_DIR"] "/reply"
    curl = "rm -f '" reply "'; curl -sS --connect-timeout 10 --max-time 120 -K '" ENVIRON["LP_LOGS_STORE"] \
        "' -H 'Content-Type: application/x-ndjson' --data-binary '@" batch "' -o '" reply "' -w '%{http_code}\\n' 2>&1; echo >>'" reply "'" # mawk misreads a last line without an end
    started = parent()
    longest = ENVIRON["LP_LOGS_PAUSE"] > 0 ? ENVIRON["LP_LOGS_PAUSE"] : 30
    printf "" > batch
    bytes = 0
    print "OK"
    fflush()
}
$0 == "BEGIN TRANSACTION" { print "OK"; fflush(); next }
$0 == "COMMIT TRANSACTION" { send(); print "OK"; fflush(); next }
{
    print "{\"create\":{\"_id\":\"" $1 "\"}}" > batch
    print substr($0, length($1) + 2) > batch
    bytes += length($0)
    if (bytes > 4000000) send()
    print "DEFER_COMMIT"
    fflush()
}
