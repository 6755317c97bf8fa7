#!/bin/bash
# docker/Dockerfile, on a Debian that debootstrap makes here: every target builds, holds its program alone, runs as nobody and starts.
#   dockerfile.sh DIR
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/e2e/lib/common.sh
dir=$(realpath -m "$1")
mkdir -p "$dir"
bad=0
fails() { echo "not ok: $*"; bad=1; }
VERSION=v9.8.7-dockerfile
REPOSITORY=learning-platform-dockerfile-test
BASE=learning-platform/debian:$DEBIAN_RELEASE

make_debian_root() { # TAR
    local root
    root=$(as_root mktemp -d /var/tmp/learning-platform-debian.XXXXXX) &&
        as_root debootstrap --variant=minbase "$DEBIAN_RELEASE" "$root" &&
        as_root tar -C "$root" --one-file-system --exclude='./var/cache/apt/archives/*.deb' -c . >"$1.part" &&
        as_root rm -rf "$root" &&
        mv "$1.part" "$1"
}

# What docker's own debian:bookworm is, without a registry. Kept in the cache.
need_base() {
    local tar=$LP_CACHE/parts/debian-$DEBIAN_RELEASE.tar
    have_image "$BASE" && return 0
    mkdir -p "$LP_CACHE/parts"
    if [ ! -f "$tar" ]; then
        need_commands debootstrap=debootstrap
        run_step "installing Debian $DEBIAN_RELEASE" 1200 make_debian_root "$tar" || die "debootstrap could not install Debian: check that your mirror answers."
    fi
    run_step "loading Debian into docker" 300 docker import "$tar" "$BASE" || die "docker could not import $tar."
}

# As apt of this machine reaches its mirror, so does apt in the build; nothing of that stays in an image.
build_target() { # TARGET
    local options=() name value
    for name in http https; do
        value=''
        eval "$(apt-config shell value "Acquire::$name::Proxy")"
        value=${value:-$(printenv "${name}_proxy" || true)}
        [ -z "$value" ] || options+=(--build-arg "${name}_proxy=$value")
    done
    docker build -q --network host -f docker/Dockerfile --target "$1" -t "$REPOSITORY/$1:test" \
        --build-arg DEBIAN="$BASE" --build-arg VERSION="$VERSION" "${options[@]}" .
}

starts() { # TARGET
    local image=$REPOSITORY/$1:test program=$1 said container
    [ "$1" != lp-cli ] || program=kubectl-lp
    local run=(timeout 60 docker run --rm --network none --read-only --cap-drop ALL "$image")
    said=$("${run[@]}" --version 2>&1) || fails "$1 --version ends with $?: $said"
    [ "$said" = "$program $VERSION" ] || fails "$1 --version says: $said"
    said=$("${run[@]}" --help 2>&1) || fails "$1 --help ends with $?: $said"
    grep -qF -- --version <<<"$said" || fails "$1 --help says: $said"
    [ "$(docker image inspect --format '{{.Config.User}}' "$image")" = 65532:65532 ] || fails "$1 does not run as 65532"
    container=$(docker create "$image")
    docker export "$container" | tar -t >"$dir/$1.files" || fails "the files of $1"
    docker rm "$container" >/dev/null
    said=$(grep -E '^usr/s?bin/.' "$dir/$1.files" || true)
    [ "$said" = "usr/bin/$program" ] || fails "$1 holds more programs than its own: $said"
    echo "$1: $(docker image inspect --format '{{.Size}}' "$image" | numfmt --to=si) bytes, starts"
}

mapfile -t targets < <(sed -n 's/^FROM scratch AS //p' docker/Dockerfile)
[ ${#targets[@]} -gt 0 ] || fails "docker/Dockerfile has no targets"
need_docker
need_base
# shellcheck disable=SC2046 # a list of ids
made=''
trap 'rm -f "$made"; docker image rm -f $(docker images -q --no-trunc "$REPOSITORY/*" | sort -u) >/dev/null 2>&1 || true' EXIT
# It has a name, so that nothing of it is left in the end; the targets find it in docker's cache.
# pip in the build may not reach what pip of this machine reaches.
archive=cmake/pocketsphinx-5.1.1.tar.gz
[ -e "$archive" ] || { cmake/fetch-pocketsphinx >/dev/null && cp "$LP_CACHE/src/${archive#*/}" cmake/ && made=$archive; }
run_step "compiling in docker" 2400 build_target build || { fails "the programs do not build"; exit 1; }
for target in "${targets[@]}"; do
    run_step "building the target $target" 600 build_target "$target" || { fails "the target $target does not build"; break; }
    starts "$target"
done
exit $bad
