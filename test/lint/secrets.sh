#!/usr/bin/env bash
# No private key, token or password of a machine is in the tree, and no path of a developer's machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
bad=0
if git grep -nIE -e '-----BEGIN [A-Z ]*PRIVATE KEY-----' -- . ':!test/lint/secrets.sh' ':!*.md' ; then
    echo "A private key is committed."
    bad=1
fi
if git grep -nIE '(^|[^A-Za-z0-9_.-])/(work|farm|home/[a-z]+)/' -- . ':!test/lint/secrets.sh' ':!*.svg'; then
    echo "A path of a developer's machine is committed."
    bad=1
fi
exit $bad
