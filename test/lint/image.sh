#!/usr/bin/env bash
# What docker/Dockerfile copies is enough to configure the build: CMakeLists.txt names files of other folders too.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
while read -r -a words; do
    target=$folder/${words[-1]}
    mkdir -p "$(dirname "$target")"
    [ "${words[-1]}" = ./ ] || target=${target%/*}
    for source in "${words[@]:1:${#words[@]}-2}"; do
        cp -r "$source" "$target"
        grep -qxF "!$source" .dockerignore || { echo ".dockerignore keeps $source, which docker/Dockerfile copies, out of the build"; exit 1; }
    done
done < <(grep -E '^COPY [^-]' docker/Dockerfile)
cmake -S "$folder" -B "$folder/build" -DCMAKE_BUILD_TYPE=Release -DLP_TESTS=OFF >"$folder/log" 2>&1 || {
    echo "with the files that docker/Dockerfile copies, cmake says:"
    grep -A4 'CMake Error' "$folder/log"
    exit 1
}
