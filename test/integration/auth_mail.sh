#!/usr/bin/env bash
# lp-auth and a mail server: mails go out over STARTTLS with the account of SMTP_URL; a server without STARTTLS gets
# nothing. auth_mail.sh DIR; LP_BIN: the folder of lp-auth, LP_POSTGRES_DIR: that of the server's URL.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=test/integration/lib/processes.sh
. "$here/lib/processes.sh"
dir=$1
rm -rf "$dir"
mkdir -p "$dir"
pids=()
finish() {
    [ "$1" -eq 0 ] || tail -n 20 "$dir/auth.log" >&2
    kill "${pids[@]}" 2>/dev/null || true
}
trap 'finish $?' EXIT

die() {
    echo "auth_mail: $*" >&2
    exit 1
}

# Until a command succeeds, at most 30 s.
await() {
    local end=$((SECONDS + 30))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || die "waited 30 s for: $*"
        sleep 0.1
    done
}

openssl req -x509 -newkey ed25519 -nodes -keyout "$dir/key.pem" -out "$dir/cert.pem" -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost 2>/dev/null
mkfifo "$dir/open" "$dir/open2"
"$here/../fake/mail_server.py" "$dir/cert.pem" "$dir/key.pem" "$dir/port" "$dir/mails" <"$dir/open" &
pids+=($!)
"$here/../fake/mail_server.py" "$dir/cert.pem" "$dir/key.pem" "$dir/plain_port" "$dir/plain_mails" refuse-starttls <"$dir/open2" &
pids+=($!)
exec 8>"$dir/open" 9>"$dir/open2"
await test -s "$dir/port"
await test -s "$dir/plain_port"

server=$(cat "$LP_POSTGRES_DIR/url")
psql -qAt "$server" -c 'DROP DATABASE IF EXISTS auth_mail WITH (FORCE)' -c 'CREATE DATABASE auth_mail' 2>/dev/null
export DATABASE_URL=${server/\/postgres\?/\/auth_mail\?}
export JWT_SECRET="an access key for tests, long enough" JWT_REFRESH_SECRET="a refresh key for tests, long enough"
export PASSWORD_HASH=argon2id-7m DRAIN_DELAY=0s MAIL_FROM=no-reply@example.org SMTP_CA_FILE=$dir/cert.pem
export LINK_BASE=https://learn.example.org/auth

# start_auth SMTP_URL: lp-auth, ready.
start_auth() {
    PORT=$port METRICS_PORT=$metrics_port SMTP_URL=$1 "$LP_BIN/lp-auth" >>"$dir/auth.log" 2>&1 &
    pids+=($!)
    await curl -fsS "http://127.0.0.1:$metrics_port/readyz"
}

register() {
    curl -fsS -o /dev/null -H 'Content-Type: application/json' "http://127.0.0.1:$port/api/auth/register" \
        -d "{\"email\":\"$1\",\"password\":\"Pa55phrase\",\"name\":\"Ann\"}"
}

failed() {
    curl -fsS "http://127.0.0.1:$metrics_port/metrics" | grep '^lp_auth_mails_total{result="failed"} [1-9]' >/dev/null
}

port=$(free_port)
metrics_port=$(USED_PORTS=$port free_port)
start_auth "smtp://user:secret@localhost:$(cat "$dir/plain_port")"
register plain@example.org
await failed
[ ! -e "$dir/plain_mails" ] || die "a server without STARTTLS got a mail"
kill "${pids[-1]}"
wait "${pids[-1]}" || die "lp-auth ended with $?"

start_auth "smtp://user:secret@localhost:$(cat "$dir/port")"
register ann@example.org
await grep -q ann@example.org "$dir/mails"
python3 - "$dir/mails" <<'PY'
import base64, json, sys
mail = [m for m in map(json.loads, open(sys.argv[1])) if m["to"] == ["ann@example.org"]][0]
head, body = mail["message"].split("\r\n\r\n", 1)
text = base64.b64decode(body).decode()
assert mail["tls"] and mail["auth"], mail
assert mail["from"] == "no-reply@example.org" and "To: <ann@example.org>" in head, head
assert "https://learn.example.org/auth/api/auth/verify-email/callback?token=" in text, text
PY
grep -q secret "$dir/auth.log" && die "the log holds the mail server's password"
kill "${pids[-1]}"
wait "${pids[-1]}" || die "lp-auth ended with $?"
echo "auth_mail: mails go out over STARTTLS only"
