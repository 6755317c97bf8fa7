#!/usr/bin/env bash
# Every header compiles alone, and twice in one file, with gcc and with clang; what products are made of
# includes nothing of test/.
set -euo pipefail
cd "$(dirname "$0")/../.."
bad=0
stubs=$(mktemp -d)
trap 'rm -rf "$stubs"' EXIT
while read -r header; do
    printf '#include "%s"\n#include "%s"\n' "$PWD/$header" "$PWD/$header" >"$stubs/${header//\//_}.c"
done < <(git ls-files --cached --others --exclude-standard '*.h')
read -ra packages < <(pkg-config --cflags jansson gnutls libcurl libmicrohttpd libmongoc-1.0 libpq cmocka)
for compiler in gcc clang; do
    # Headers of tests define static functions that not every test calls.
    "$compiler" -std=gnu17 -fsyntax-only -Wall -Wextra -Wstrict-prototypes -Werror -Wno-unused-function \
        -D_GNU_SOURCE -DLP_VERSION='""' -I lib -I . -I test "${packages[@]}" "$stubs"/*.c || bad=1
done
if git grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<](test|unit|fake|integration|fuzz)/' -- lib platform operator autoscaler services cli; then
    echo "A product includes a header of the tests."
    bad=1
fi
exit $bad
