#!/usr/bin/env bash
# Every C file is as clang-format writes it. To repair: clang-format -i FILE...
set -euo pipefail
cd "$(dirname "$0")/../.."
git ls-files --cached --others --exclude-standard '*.c' '*.h' |
    xargs -r -P "$(nproc)" -n 16 clang-format --dry-run -Werror
