#!/usr/bin/env bash
# What our C must not do: calls that overflow or hide failure, long files and lines, marks of unfinished work.
set -euo pipefail
cd "$(dirname "$0")/../.."

bad=0
mapfile -t sources < <(git ls-files --cached --others --exclude-standard '*.c' '*.h')
report() {
    if [ -n "$2" ]; then
        printf '%s\n%s\n' "$1" "$2"
        bad=1
    fi
}
search() { grep -nE "$1" "${sources[@]}" | grep -vE "${2:-^$}" || true; }

report "Banned calls:" "$(search '\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|atof|system|popen|alloca|longjmp|setjmp|pthread_cancel)\(')"
report "sleep() where an event tells:" "$(search '\b(sleep|usleep)\(')"
report "getenv outside lib/config/env.c and main.c:" "$(search '\bgetenv\(' '(^|/)(main|env)\.c:|^operator/config\.c:|^cli/options\.c:|^test/')"
report "Marks of unfinished work:" "$(search '\b(TODO|FIXME|XXX|HACK)\b')"
# grep counts characters where mawk counts bytes.
report "Lines over 100 columns:" "$(LC_ALL=C.UTF-8 grep -nP '^.{101,}' "${sources[@]}" || true)"
# lp_log writes these itself; a second one would hide it.
report "Pairs of a log line with a name that lp_log gives:" "$(grep -lzP 'lp_log(_info|_warn|_error|_debug|_each)?\([^;]*"(ts|level|msg|program|version|pod|run|seq|left_out)",' "${sources[@]}" || true)"
report "Tabs:" "$(search $'\t')"
for f in "${sources[@]}"; do
    lines=$(wc -l < "$f")
    case "$f" in *.h) limit=150 ;; *) limit=500 ;; esac
    [ "$lines" -le "$limit" ] || report "Long file:" "$f: $lines lines, at most $limit"
    case "$f" in
    *.h) head -20 "$f" | grep -q '#pragma once' || report "No #pragma once:" "$f" ;;
    esac
    head -1 "$f" | grep -q '^/\*' || report "No head comment:" "$f"
done
for f in $(git ls-files --cached --others --exclude-standard 'test/unit/test_*.c'); do
    grep -q 'assert_' "$f" || report "Test program without an assertion:" "$f"
done
exit $bad
