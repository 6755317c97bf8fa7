#!/usr/bin/env bash
# Includes go one way. A file may include its own room, and the rooms and files named for it here, nothing else of
# ours. And no file includes, by whatever way round, a file that includes it: x.c, x.h and x_parts.h count as one.
set -euo pipefail
cd "$(dirname "$0")/../.."

BASICS="base json metrics work"
declare -A may=(
    [lib/base]=""
    [lib/json]="base"
    [lib/config]="base"
    [lib/metrics]="base"
    [lib/work]="base metrics"
    [lib/http]="base"
    [lib/http/message]="base http/field.h"
    [lib/http/client]="base json metrics http/url.h http/field.h"
    [lib/http/server]="base json metrics http/message http/url.h http/field.h"
    [lib/kube]="base json metrics work/backoff.h http/client http/url.h http/field.h"
    [lib/service]="base json metrics work/backoff.h config http/client http/server http/url.h"
    [lib/postgres]="base metrics work/backoff.h"
    [platform]="base json http/url.h kube"
    [platform/hpa]="base json platform/quantity_text.h"
    [autoscaler]="$BASICS http/server kube autoscaler"
    [autoscaler/base]="base metrics"
    [autoscaler/policy]="base json platform"
    [autoscaler/samples]="$BASICS http/message kube autoscaler/base"
    [autoscaler/auth]="$BASICS http/server http/url.h kube autoscaler/base"
    [autoscaler/registration]="$BASICS http/client kube autoscaler/base"
    [autoscaler/informers]="$BASICS kube autoscaler/base autoscaler/samples"
    [autoscaler/api]="$BASICS http/server http/url.h kube autoscaler/base autoscaler/samples autoscaler/auth"
    [autoscaler/chain]="$BASICS http/client http/server kube autoscaler/base autoscaler/registration autoscaler/api"
    [operator/cache]="$BASICS kube platform"
    [operator/state]="$BASICS kube platform autoscaler/policy operator/cache"
    [operator/status]="$BASICS kube platform autoscaler/policy operator/cache operator/state"
    [operator/hold]="$BASICS kube platform operator/cache operator/state operator/status"
    [operator/reconcile]="$BASICS kube platform autoscaler/policy operator/cache operator/state operator/status operator/hold"
    [operator]="$BASICS http/server kube config service platform autoscaler/policy operator/cache operator/state operator/hold operator/reconcile autoscaler/adapter.h"
    [services/gateway]="$BASICS http/message config service"
    [services/auth]="$BASICS http/client http/server http/url.h config service postgres services/auth"
    [services/auth/privacy]="$BASICS postgres"
    [services/auth/database]="$BASICS postgres services/auth/privacy"
    [services/auth/passwords]="$BASICS"
    [services/auth/http]="$BASICS postgres http/server http/url.h service services/auth/database"
    [services/auth/mail]="$BASICS postgres services/auth/database services/auth/http"
    [services/auth/oidc]="$BASICS postgres http/client http/server http/url.h service services/auth"
    [services/auth/learners]="$BASICS postgres http/client http/server http/url.h service services/auth"
    [services/auth/sessions]="$BASICS postgres http/server service services/auth"
    [services/auth/accounts]="$BASICS postgres http/server http/multipart.h service services/auth"
    [services/ai-feedback]="$BASICS http/client http/server http/url.h http/multipart.h config service postgres services/ai-feedback"
    [services/ai-feedback/jobs]="base postgres"
    [services/ai-feedback/recording]="base"
    [services/ai-worker]="$BASICS http/server config service postgres services/ai-feedback/feedback.h services/ai-feedback/spelling services/ai-feedback/engines services/ai-feedback/jobs services/ai-feedback/recording services/ai-worker/speech"
    [services/ai-worker/speech]="base json services/ai-feedback/recording"
    [services/ai-feedback/text]="base"
    [services/ai-feedback/spelling]="base config services/ai-feedback/text"
    [services/ai-feedback/tagging]="base services/ai-feedback/text services/ai-feedback/spelling"
    [services/ai-feedback/engines]="$BASICS config http/client http/url.h services/ai-feedback/text services/ai-feedback/spelling"
    [services/ai-feedback/rules]="base services/ai-feedback/text services/ai-feedback/spelling services/ai-feedback/tagging"
    [services/progress]="$BASICS http/client http/server http/url.h config service"
    [services/learning]="$BASICS http/server http/url.h config service postgres services/learning"
    [services/learning/content]="base json"
    [services/learning/database]="$BASICS postgres services/learning/model services/learning/recommend"
    [services/learning/exchange]="base json services/learning/content"
    [services/learning/model]="base"
    [services/learning/recommend]="base services/learning/model"
    [cli]="$BASICS http/client http/url.h kube platform cli/check cli/command cli/dashboard cli/load cli/looks autoscaler/policy"
    [cli/check]="$BASICS http/url.h kube platform autoscaler/registration/x509.h cli/command cli/options.h cli/operators.h cli/find.h"
    [cli/command]="base cli/options.h"
    [cli/dashboard]="$BASICS http/client http/server http/url.h kube platform cli/about.h cli/connect.h cli/find.h cli/history.h cli/operators.h cli/options.h cli/record.h cli/simulate.h"
    [cli/looks]="base json kube platform cli/connect.h cli/find.h cli/options.h cli/trace.h"
    [cli/load]="base json http/url.h cli/options.h"
)

bad=0
mapfile -t files < <(git ls-files --cached --others --exclude-standard -- 'lib/*.[ch]' 'platform/*.[ch]' 'autoscaler/*.[ch]' \
    'operator/*.[ch]' 'services/*.[ch]' 'cli/*.[ch]')
includes=$(grep -nE '^#include "' "${files[@]}")

while IFS=: read -r file line include; do
    path=${include#*\"}
    path=${path%%\"*}
    room=${file%/*}
    if [ -z "${may[$room]+known}" ]; then
        echo "$file: the room $room has no row in test/lint/layers.sh and ARCHITECTURE.md"
        bad=1
        continue
    fi
    allowed=no
    for prefix in ${may[$room]}; do
        case "$path" in "$prefix"/* | "$prefix") allowed=yes ;; esac
    done
    [ "${path%/*}" != "${room#lib/}" ] || allowed=yes
    if [ "$allowed" = no ]; then
        echo "$file:$line: \"$path\" may not be included from $room (ARCHITECTURE.md, layers)"
        bad=1
    fi
done <<<"$includes"

# One edge a line, from the file that includes to the included one, without endings; tsort names the circles.
edges=$(sed -nE 's/^(lib\/)?([^:]+)\.[ch]:[0-9]+:#include "([^"]+)\.h".*/\2 \3/p' <<<"$includes" | sed -E 's/_parts( |$)/\1/g' | awk '$1 != $2' | sort -u)
if ! circle=$(tsort <<<"$edges" 2>&1 >/dev/null); then
    echo "files that include each other in a circle:"
    sed 's/^tsort: //' <<<"$circle" | grep -v '^-:'
    [ "${LP_LAYERS_CIRCLES:-refuse}" = report ] || bad=1
fi
exit $bad
