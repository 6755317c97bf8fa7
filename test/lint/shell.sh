#!/usr/bin/env bash
# Every shell script of the project passes shellcheck, and every file that names its interpreter can be executed.
set -euo pipefail
cd "$(dirname "$0")/../.."
mapfile -t scripts < <(git ls-files --cached --others --exclude-standard | while read -r f; do
    [ -f "$f" ] || continue
    case "$f" in *.sh) echo "$f" ;; *) head -c 64 "$f" 2>/dev/null | tr -d '\0' | head -1 | grep -qE '^#!.*\b(ba)?sh\b' && echo "$f" ;; esac
done || true)
shellcheck -x -S warning "${scripts[@]}"

mapfile -t dead < <(git ls-files --cached --others --exclude-standard | while read -r f; do
    [ -f "$f" ] && [ ! -x "$f" ] && [ "$(head -c 2 "$f" | tr -d '\0')" = '#!' ] && echo "$f"
done || true)
[ ${#dead[@]} = 0 ] || { echo "not executable: ${dead[*]}: chmod +x" && exit 1; }
