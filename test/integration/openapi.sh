#!/bin/bash
# Holds a service to its document under docs/openapi/: schemathesis asks it what the document allows and what it does not.
# Then redaction.py plants secrets in each route, with its database there and away, and looks for them in all that was written.
# openapi.sh SERVICE WORKDIR; SERVICE: ai-feedback, auth, gateway, learning or progress. LP_BIN names the folder of the
# programs, for ai-feedback, auth and learning LP_POSTGRES_DIR that of the server's URL.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=test/integration/lib/processes.sh
. test/integration/lib/processes.sh
service=$1 work=$2 bin=${LP_BIN:-build/dev/bin} version=4.32.5
venv=${XDG_CACHE_HOME:-$HOME/.cache}/learning-platform/schemathesis-$version
secret=openapi-test-secret pids=() options=()
rm -rf "$work"
mkdir -p "$work"
work=$(cd "$work" && pwd)
bin=$(cd "$bin" && pwd)
root=$PWD

die() {
    echo "openapi: $*" >&2
    exit 1
}

finish() {
    [ "$1" -eq 0 ] || tail -n 20 "$work/$service.log" >&2
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
}
trap 'finish $?' EXIT

# Of the tests that run side by side one makes it.
mkdir -p "${venv%/*}"
(
    flock 9
    [ -e "$venv/ready" ] || { python3 -m venv --clear "$venv" && "$venv/bin/pip" install -q "schemathesis==$version" && touch "$venv/ready"; }
) 9>"$venv.lock"

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
await() { # SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@"; do [ $SECONDS -lt $end ] || die "no $*"; read -rt 0.2 <> <(:) || true; done
}
ready() { curl -fs "http://127.0.0.1:$metrics/readyz" >/dev/null; }
run_service() { # SERVICE VARIABLE=VALUE...
    local name=$1
    shift
    env "$@" PORT="$port" METRICS_PORT="$metrics" DRAIN_DELAY=0 LOG_LEVEL=debug "$bin/lp-$name" >"$work/$name.log" 2>&1 &
    pids+=($!)
    await 60 ready
}

# A token of an admin, HS256, good for an hour.
token() {
    python3 - "$secret" <<'PY'
import base64, hashlib, hmac, json, sys, time
def b64(b): return base64.urlsafe_b64encode(b).rstrip(b"=")
head = b64(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
claims = b64(json.dumps({"userId": "admin", "role": "admin", "exp": int(time.time()) + 3600}).encode())
print((head + b"." + claims + b"." + b64(hmac.new(sys.argv[1].encode(), head + b"." + claims, hashlib.sha256).digest())).decode())
PY
}

start_progress() {
    local mongo user bearer
    mongo=$(USED_PORTS="$port $metrics" free_port)
    mkdir -p "$work/mongo"
    docker/mongo/run "$mongo" "$work/mongo" >"$work/mongo.log" 2>&1 &
    pids+=($!)
    mongo_pid=$!
    await 600 answers "$mongo"
    run_service progress AUTH_JWT_SECRET=$secret "MONGODB_URI=mongodb://127.0.0.1:$mongo/"
    bearer="Authorization: Bearer $(token)"
    for user in 0 1 00; do # what schemathesis likes to ask for
        curl -fs "http://127.0.0.1:$port/api/progress/activityLog" -H "$bearer" -H 'Content-Type: application/json' \
            -d "{\"userId\":\"$user\",\"activityName\":\"a\",\"score\":1}" >/dev/null
    done
    options+=(-H "$bearer")
}

start_ai-feedback() {
    local server
    server=$(cat "$LP_POSTGRES_DIR/url")
    psql -qAt "$server" -c 'DROP DATABASE IF EXISTS openapi_ai WITH (FORCE)' -c 'CREATE DATABASE openapi_ai' 2>/dev/null
    run_service ai-feedback AUTH_JWT_SECRET=$secret "DATABASE_URL=${server/\/postgres\?/\/openapi_ai\?}"
    options+=(-H "Authorization: Bearer $(token)")
}

start_learning() {
    local server
    server=$(cat "$LP_POSTGRES_DIR/url")
    psql -qAt "$server" -c 'DROP DATABASE IF EXISTS openapi_learning WITH (FORCE)' -c 'CREATE DATABASE openapi_learning' 2>/dev/null
    run_service learning AUTH_JWT_SECRET=$secret REVIEWS_PER_MINUTE=10000 "DATABASE_URL=${server/\/postgres\?/\/openapi_learning\?}"
    options+=(-H "Authorization: Bearer $(token)")
}

# Behind it lp-ai-feedback stands for all: it needs no database.
start_gateway() {
    local front=$port front_metrics=$metrics upstream
    port=$(USED_PORTS="$front $front_metrics" free_port)
    metrics=$(USED_PORTS="$front $front_metrics $port" free_port)
    upstream=http://127.0.0.1:$port
    run_service ai-feedback AUTH_JWT_SECRET=$secret
    port=$front metrics=$front_metrics
    run_service gateway AUTH_JWT_SECRET=$secret AUTH_SERVICE_URL="$upstream" PROGRESS_SERVICE_URL="$upstream" AI_SERVICE_URL="$upstream"
    options+=(-H "Authorization: Bearer $(token)")
}

# Accounts end in between, by what is asked: openapi_auth.py makes the admin anew.
start_auth() {
    local server
    server=$(cat "$LP_POSTGRES_DIR/url")
    psql -qAt "$server" -c 'DROP DATABASE IF EXISTS openapi WITH (FORCE)' -c 'CREATE DATABASE openapi' 2>/dev/null
    export DATABASE_URL=${server/\/postgres\?/\/openapi\?} JWT_SECRET="$secret for access" JWT_REFRESH_SECRET="$secret for refresh"
    mkdir -p "$work/mails"
    run_service auth PASSWORD_HASH=argon2id-7m "MAIL_DIR=$work/mails"
    export SCHEMATHESIS_HOOKS=openapi_auth PYTHONPATH=$root/test/integration LP_AUTH=$bin/lp-auth LP_AUTH_URL=http://127.0.0.1:$port
}

# What takes away what the service keeps its data in, as words.
breaking() {
    local database
    case $service in
    gateway) return ;;
    progress) printf '%s\n' kill -KILL "$mongo_pid" && return ;;
    auth) database=openapi ;;
    ai-feedback) database=openapi_ai ;;
    learning) database=openapi_learning ;;
    esac
    printf '%s\n' psql -qAt "$(cat "$LP_POSTGRES_DIR/url")" -c "DROP DATABASE $database WITH (FORCE)"
}

port=$(free_port) metrics=$(USED_PORTS=$port free_port)
"start_$service"
# An unknown method is 404 here, as it has always been: docs/compatibility.md. Its cache stays out of the sources.
cd "$work"
"$venv/bin/schemathesis" --config-file "$root/test/integration/openapi.toml" run "http://127.0.0.1:$port/openapi.json" -u "http://127.0.0.1:$port" "${options[@]}" \
    --max-examples "${LP_EXAMPLES:-40}" --no-color --exclude-checks unsupported_method --generation-deterministic \
    --generation-allow-x00 false
cd "$root"
mapfile -t words < <(breaking)
test/integration/redaction.py "$service" "http://127.0.0.1:$port" "$work" "$(token)" "${words[@]}"
