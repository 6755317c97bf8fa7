# What every test script needs: where the cache is, messages, versions. Sourced, never run.
# shellcheck shell=bash source-path=SCRIPTDIR

LP_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/learning-platform
LP_E2E_LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Programs that the parts bring (kubectl, kind) come after those that are installed.
PATH=$PATH:$LP_CACHE/bin
export PATH

# shellcheck source=messages.sh
. "$LP_E2E_LIB/messages.sh"
# shellcheck source=versions.sh
. "$LP_E2E_LIB/versions.sh"
# shellcheck source=packages.sh
. "$LP_E2E_LIB/packages.sh"
# shellcheck source=parts.sh
. "$LP_E2E_LIB/parts.sh"
# shellcheck source=docker.sh
. "$LP_E2E_LIB/docker.sh"
# shellcheck source=node-image.sh
. "$LP_E2E_LIB/node-image.sh"
# shellcheck source=storage.sh
. "$LP_E2E_LIB/storage.sh"
