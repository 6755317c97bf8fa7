#!/usr/bin/env bash
# Includes go one way: a file may include its own folder and the folders named for it here, nothing else of ours.
set -euo pipefail
cd "$(dirname "$0")/../.."

declare -A may=(
    [lib/base]=""
    [lib/json]="base"
    [lib/metrics]="base"
    [lib/work]="base metrics"
    [lib/http]="base json metrics"
    [lib/kube]="base json metrics work http"
    [lib/service]="base json metrics work http"
    [platform]="base json metrics work http kube"
    [operator]="base json metrics work http kube service platform autoscaler/adapter.h"
    [autoscaler]="base json metrics work http kube"
    [services/gateway]="base json metrics work http service"
    [services/auth]="base json metrics work http service"
    [services/ai-feedback]="base json metrics work http service"
    [services/progress]="base json metrics work http service"
    [cli]="base json metrics work http kube platform"
)

bad=0
for folder in "${!may[@]}"; do
    while IFS=: read -r file line include; do
        path=${include#*\"}
        path=${path%%\"*}
        allowed=no
        for prefix in "${folder#lib/}" ${may[$folder]}; do
            case "$path" in "$prefix"/* | "$prefix") allowed=yes ;; esac
        done
        if [ "$allowed" = no ]; then
            echo "$file:$line: \"$path\" may not be included from $folder (ARCHITECTURE.md, layers)"
            bad=1
        fi
    done < <(grep -nE '^#include "' "$folder"/*.[ch] /dev/null 2>/dev/null || true)
done
exit $bad
