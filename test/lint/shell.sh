#!/usr/bin/env bash
# Every shell script of the project passes shellcheck.
set -euo pipefail
cd "$(dirname "$0")/../.."
mapfile -t scripts < <(git ls-files --cached --others --exclude-standard | while read -r f; do
    [ -f "$f" ] || continue
    case "$f" in *.sh) echo "$f" ;; *) head -c 64 "$f" 2>/dev/null | tr -d '\0' | head -1 | grep -qE '^#!.*\b(ba)?sh\b' && echo "$f" ;; esac
done || true)
shellcheck -x -S warning "${scripts[@]}"
