# Writes an image archive (the format of `docker save`) from a root file system. Sourced, never run.
# shellcheck shell=bash
#
# Nothing in the archive depends on the clock, the user or the order of a folder: the same files give the same image id.
# It needs no docker; `docker load`, `kind load image-archive` and `ctr images import` read it.

IMAGE_TIME=2026-01-01T00:00:00Z

image_archive() { # ROOT NAME:TAG CONFIG-JSON OWNED-PATHS ARCHIVE: OWNED-PATHS is "uid:path path", or empty
    local root=$1 name=$2 config=$3 owned=$4 archive=$5 work arch layer id
    work=$(mktemp -d)
    arch=$(dpkg --print-architecture)
    tar_root "$root" "$owned" "$work/layer.tar"
    layer=$(sha256sum <"$work/layer.tar" | cut -d' ' -f1)
    jq -cnS --arg arch "$arch" --arg time "$IMAGE_TIME" --arg layer "sha256:$layer" --argjson config "$config" \
        '{architecture: $arch, os: "linux", created: $time, config: $config,
          history: [{created: $time, created_by: "docker/build-offline"}],
          rootfs: {type: "layers", diff_ids: [$layer]}}' >"$work/config.json"
    id=$(sha256sum <"$work/config.json" | cut -d' ' -f1)
    mkdir "$work/$layer"
    mv "$work/layer.tar" "$work/$layer/layer.tar"
    mv "$work/config.json" "$work/$id.json"
    jq -cn --arg config "$id.json" --arg layer "$layer/layer.tar" --arg name "$name" \
        '[{Config: $config, RepoTags: [$name], Layers: [$layer]}]' >"$work/manifest.json"
    (cd "$work" && tar_plain "$archive" manifest.json "$id.json" "$layer")
    rm -rf "$work"
}

tar_plain() { # ARCHIVE ARG...
    local archive=$1
    shift
    tar --format=posix --pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f --sort=name \
        --mtime="$IMAGE_TIME" --owner=0 --group=0 --numeric-owner -cf "$archive" "$@"
}

tar_root() { # ROOT "uid:path path" TAR: all files belong to root but for the paths that are the user's
    local root=$1 owned=$2 tar=$3 uid=${2%%:*} path
    local -a keep=() mine=()
    if [ -n "$owned" ]; then
        for path in ${owned#*:}; do
            keep+=(--exclude="./$path")
            mine+=("./$path")
        done
    fi
    (cd "$root" && tar_plain "$tar" "${keep[@]}" .)
    if [ ${#mine[@]} -gt 0 ]; then
        (cd "$root" && tar --format=posix --pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f \
            --sort=name --mtime="$IMAGE_TIME" --owner="$uid" --group="$uid" --numeric-owner -rf "$tar" "${mine[@]}")
    fi
}
