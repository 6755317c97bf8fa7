#!/usr/bin/env bash
# clang-tidy and cppcheck over every source of the programs and libraries.
#   analyse.sh BUILD_DIR    (one that has compile_commands.json, made with clang or gcc)
set -euo pipefail
build=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
mapfile -t sources < <(git ls-files --cached --others --exclude-standard 'lib/*.c' 'platform/*.c' 'operator/*.c' 'autoscaler/*.c' 'services/*.c' 'cli/*.c')
bad=0
tidy() { clang-tidy --quiet -p "$build" --extra-arg=-include --extra-arg="$PWD/test/lint/analyser.h" "$1" 2>&1 | grep -E 'error:|warning:' || true; }
export -f tidy
export build
found=$(printf '%s\n' "${sources[@]}" | xargs -P "$(nproc)" -I{} bash -c 'tidy {}')
if [ -n "$found" ]; then
    echo "clang-tidy:"
    echo "$found" | sort -u
    bad=1
fi
# varFuncNullUB is about compilers whose NULL is a plain 0; glibc's is a pointer.
cppcheck --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr --std=c11 \
    --suppress=missingIncludeSystem --suppress=preprocessorErrorDirective --suppress=varFuncNullUB \
    --library=test/lint/cppcheck.cfg -j "$(nproc)" -D_GNU_SOURCE -DLP_VERSION='""' -I lib -I . "${sources[@]}" || bad=1
exit $bad
