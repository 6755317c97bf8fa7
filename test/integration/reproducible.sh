#!/bin/bash
# The same sources give the same bytes: programs, images and bills of materials, built twice in two folders: build/release of this
# checkout, which the end-to-end checks go on with, and a copy elsewhere, from nothing and without a cache.
# The bill names every file of the image once, with its sum, and its packages are those that are installed. Needs no docker.
# And nothing has grown by more than a tenth over what test/integration/footprint says: programs, images, the idle operator's memory.
#   reproducible.sh DIR
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/e2e/lib/common.sh
. test/integration/lib/processes.sh
dir=$(realpath -m "$1")
programs='lp-operator lp-gateway lp-auth lp-ai-feedback lp-ai-worker lp-progress lp-learning'
rm -rf "$dir"
here=$PWD copy=$dir/another/place
bad=0
fails() { echo "not ok: $*"; bad=1; }

mkdir -p "$copy"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    [ ! -f "$file" ] || printf '%s\0' "$file"
done | tar --null -cf - -T - | tar -xf - -C "$copy"

build_in() { # FOLDER, TARGET...
    local folder=$1
    shift
    (cd "$folder" && cmake --preset release -DLP_TESTS=OFF >/dev/null &&
        nice -n 19 cmake --build --preset release -j "$(nproc)" ${1:+--target} "$@" >"$dir/build.log" 2>&1) ||
        { tail -n 20 "$dir/build.log"; fails "the sources in $folder do not build"; exit 1; }
}

images_of() { # FOLDER OUTPUT
    "$1/docker/build-offline" --build-dir "$1/build/release" --only "${programs// /,}" --no-load --output "$2" >/dev/null || { fails "the images of $1"; exit 1; }
}

build_in "$here"
# shellcheck disable=SC2086 # a list of words
CCACHE_DISABLE=1 build_in "$copy" $programs
images_of "$here" "$dir/one"
images_of "$copy" "$dir/other"

builds_are_the_same() {
    local name file
    for name in $programs; do
        cmp "$here/build/release/bin/$name" "$copy/build/release/bin/$name" || fails "$name differs between two builds"
        for file in "$name.tar" "$name.cdx.json"; do
            cmp "$dir/one/$file" "$dir/other/$file" || fails "$file differs between two builds"
        done
        if grep -qaF "$here/" "$here/build/release/bin/$name"; then fails "$name holds the path where it was built"; fi
    done
}

# The bill against the files of the layer and the packages of this machine.
bills_are_whole() {
    local name bill root layer strangers package version
    for name in $programs; do
        bill=$dir/one/$name.cdx.json root=$dir/root
        rm -rf "$root" && mkdir "$root"
        layer=$(tar -xOf "$dir/one/$name.tar" manifest.json | jq -r '.[0].Layers[0]')
        tar -xOf "$dir/one/$name.tar" "$layer" | tar --no-same-owner -C "$root" -xf -
        jq -e '.bomFormat == "CycloneDX" and .specVersion == "1.5" and .metadata.component.type == "container"
            and ([.. | ."bom-ref"? // empty] | length == (unique | length))
            and all(.components[]; .type == "file" or (.type == "library" and (.version | length > 0) and (.purl | startswith("pkg:deb/debian/") or startswith("pkg:pypi/"))))' \
            "$bill" >/dev/null || fails "$name: the bill of materials is not what CycloneDX asks for"
        jq -r '[.components[] | if .type == "file" then . else .components[]? end] | sort_by(.name)[] | .hashes[0].content + "  ." + .name' "$bill" | sort >"$dir/named"
        (cd "$root" && find . -type f -exec sha256sum {} +) | sort >"$dir/present"
        cmp "$dir/named" "$dir/present" || fails "$name: the bill names other files than the image has: $(diff "$dir/named" "$dir/present" | sed -n 1,5p)"
        [ "$name" != lp-operator ] || [ -s "$root/usr/share/zoneinfo/Europe/Berlin" ] || fails "$name has no time zones"
        strangers=$(jq -r '.components[] | select(.type == "file") | .name' "$bill" | grep -vxE "/usr/bin/$name|/usr/share/doc/$name/NOTICE|/etc/(passwd|group|nsswitch.conf)" || true)
        [ -z "$strangers" ] || fails "$name: files of no package: $strangers"
        while read -r package version; do
            [ "$(dpkg-query -W -f '${Version}' "$package")" = "$version" ] || fails "$name: $package is not $version here"
        done < <(jq -r '.components[] | select(.type == "library" and (.purl | startswith("pkg:deb/"))) | .name + " " + .version' "$bill")
    done
}

# shellcheck disable=SC2317 # called by the trap
end_idle() {
    stop_process "$dir/idle" operator
    test/integration/control-plane stop "$dir/idle/plane" 2>/dev/null
}

# Anonymous memory of the operator in kB, ready, with its scraper and without a platform; the least of its first seconds,
# as what the start needed is given back.
idle_memory() {
    local state=$dir/idle port pid now least=''
    mkdir -p "$state"
    port=$(free_port)
    command -v kubectl >/dev/null || need_parts kubectl
    trap end_idle EXIT
    KUBECONFIG=$(test/integration/control-plane start "$state/plane") && export KUBECONFIG
    kubectl apply -f crds/ >/dev/null
    kubectl create namespace learning-platform-system >/dev/null
    METRICS_PORT=$port METRICS_API=None start_process "$state" operator "$here/build/release/bin/lp-operator" --kubeconfig "$state/plane/kubeconfig"
    if wait_process "$state" operator 60 curl -fsS "http://127.0.0.1:$port/readyz"; then
        read -r pid <"$state/operator.pid"
        for _ in {1..20}; do
            now=$(awk '/^RssAnon/ { print $2 }' "/proc/$pid/status")
            [ "${least:-$now}" -lt "$now" ] || least=$now
            sleep 0.25
        done
    fi
    echo "${least:-none}"
}

# WHAT VALUE: not more than a tenth over its line of the file.
within() {
    local was
    was=$(awk -v what="$1" '$1 == what { print $2 }' test/integration/footprint)
    echo "$1 $2 (test/integration/footprint: ${was:-not there})"
    [ -n "$was" ] || { fails "test/integration/footprint has no line \"$1 $2\"" && return; }
    [[ $2 =~ ^[0-9]+$ ]] || { fails "$1 could not be measured" && return; }
    [ "$2" -le $((was + was / 10)) ] ||
        fails "$1 is $2, more than a tenth over $was; if it is worth that, write \"$1 $2\" into test/integration/footprint"
}

footprint_is_kept() {
    local name layer
    [ "$(dpkg --print-architecture)" = amd64 ] || { echo "sizes are not compared: those that are known are amd64's" && return; }
    for name in $programs; do
        layer=$(tar -xOf "$dir/one/$name.tar" manifest.json | jq -r '.[0].Layers[0]')
        tar -xOf "$dir/one/$name.tar" "$layer" | tar -tvf - | awk -v file="./usr/bin/$name" '
            { all += $3 } $NF == file { program = $3 } END { print program, all }' >"$dir/sizes"
        within "$name.program" "$(cut -d' ' -f1 "$dir/sizes")"
        within "$name.image" "$(cut -d' ' -f2 "$dir/sizes")"
    done
    within lp-operator.idle-kB "$(idle_memory)"
}

builds_are_the_same
bills_are_whole
footprint_is_kept
exit $bad
