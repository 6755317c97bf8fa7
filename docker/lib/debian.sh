# Unpacks Debian packages without installing them. Sourced after messages.sh, never run.
# shellcheck shell=bash

# debian_tree NAME PACKAGES WANTED UNWANTED: prints the folder below the cache of NAME in which PACKAGES (words) and what they depend on lie, of
# which the file names must match WANTED and not UNWANTED (grep -E). Fetched by apt-get (no root needed), unpacked once a version.
debian_tree() {
    set -e # $(…), in which it is called, clears it: what failed must not become a tree
    local cache=${XDG_CACHE_HOME:-$HOME/.cache}/learning-platform/$1 packages=$2 names=() fetched=() tree name
    mkdir -p "$cache/archives" "$cache/none/partial" # apt does not name what it finds in its own archives
    : >"$cache/status"                               # as on a machine without any package, so that apt names all of them
    exec 8>"$cache/lock"
    flock 8
    # shellcheck disable=SC2086 # a list of words
    timeout 600 apt-get -qq -y -o Dir::State::status="$cache/status" -o Dir::Cache::archives="$cache/none" -o Debug::NoLocking=1 \
        -o APT::Install-Recommends=false install --print-uris $packages >"$cache/uris" ||
        die "apt-get does not know $packages: run apt-get update (Debian 12)."
    mapfile -t names < <(awk '{ print $2 }' "$cache/uris" | grep -E "$3" | grep -vE "$4" | sort)
    [ ${#names[@]} -gt 1 ] || die "apt-get named only ${#names[@]} packages for $packages: look at $cache/uris"
    tree=$cache/tree-$(printf '%s\n' "${names[@]}" | sha256sum | cut -c1-12)
    if [ ! -d "$tree" ]; then
        say "$1: fetching ${#names[@]} packages"
        mapfile -t fetched < <(printf '%s\n' "${names[@]}" | sed 's/_\([^_]*\)_.*/=\1/; s/%3a/:/')
        (cd "$cache/archives" && timeout 900 apt-get -qq -o APT::Sandbox::User=root download "${fetched[@]}") >&2
        rm -rf "$tree.new"
        mkdir "$tree.new"
        for name in "${names[@]}"; do
            dpkg-deb --fsys-tarfile "$cache/archives/$name" | tar -C "$tree.new" --keep-directory-symlink --no-same-owner -xf -
        done
        mv "$tree.new" "$tree"
    fi
    exec 8>&-
    echo "$tree"
}
