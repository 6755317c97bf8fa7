#!/usr/bin/env bash
# clang-tidy and cppcheck over every source of the programs and libraries.
#   analyse.sh BUILD_DIR    (one that has compile_commands.json, made with clang)
# What was clean once, with all that it includes and with the same tools and settings, is not looked at again: as ccache does for the
# compilers, ${XDG_CACHE_HOME:-~/.cache}/learning-platform/analysed keeps a mark for each. Without that folder everything is looked at.
set -euo pipefail
build=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
marks=${XDG_CACHE_HOME:-$HOME/.cache}/learning-platform/analysed
mkdir -p "$marks"
find "$marks" -type f -mtime +30 -delete
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git ls-files --cached --others --exclude-standard 'lib/*.c' 'platform/*.c' 'operator/*.c' 'autoscaler/*.c' 'services/*.c' 'cli/*.c' |
    test/lint/fingerprints.py "$build/compile_commands.json" .clang-tidy test/lint/analyse.sh test/lint/cppcheck.cfg >"$work/all"
bad=0

# What of all has no mark of this tool; a mark that is used is young again.
unmarked() { # TOOL
    local sum file
    while read -r sum file; do
        [ -e "$marks/$sum.$1" ] && touch "$marks/$sum.$1" || echo "$sum $file"
    done <"$work/all" >"$work/$1"
    echo "$1: $(wc -l <"$work/$1") of $(wc -l <"$work/all") files"
}

tidy() { # SUM FILE: a mark, or what it found
    local found
    found=$(clang-tidy --quiet -p "$build" --extra-arg=-include --extra-arg="$PWD/test/lint/analyser.h" "$2" 2>&1) && touch "$marks/$1.tidy" ||
        grep -E 'error:|warning:' <<<"$found" || echo "$2: error: clang-tidy failed: $(tail -n 3 <<<"$found")"
}
export -f tidy
export build marks

unmarked tidy
xargs -r -P "$(nproc)" -L 1 bash -c 'tidy "$@"' tidy <"$work/tidy" >"$work/found"
if [ -s "$work/found" ]; then
    echo "clang-tidy:"
    sort -u "$work/found"
    bad=1
fi

unmarked cppcheck
mapfile -t sources < <(cut -d' ' -f2 "$work/cppcheck")
# varFuncNullUB is about compilers whose NULL is a plain 0; glibc's is a pointer.
if [ ${#sources[@]} = 0 ]; then
    :
elif cppcheck --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr --std=c11 \
    --suppress=missingIncludeSystem --suppress=preprocessorErrorDirective --suppress=varFuncNullUB \
    --library=test/lint/cppcheck.cfg -j "$(nproc)" -D_GNU_SOURCE -DLP_VERSION='""' -I lib -I . "${sources[@]}"; then
    (cd "$marks" && sed 's/ .*/.cppcheck/' "$work/cppcheck" | xargs touch)
else
    bad=1
fi
exit $bad
