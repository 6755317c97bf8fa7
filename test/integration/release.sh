#!/bin/bash
# ./release: what it makes can be installed and is what it says, and comes out the same twice. No cluster, no docker, no registry.
#   release.sh DIR
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/e2e/lib/common.sh
dir=$(realpath -m "$1")
rm -rf "$dir/dist" "$dir/work" && mkdir -p "$dir/work"
bad=0
fails() { echo "not ok: $*"; bad=1; }

cmake --preset release -B "$dir/build" -DLP_TESTS=OFF >"$dir/cmake.log" && cmake --build "$dir/build" >"$dir/build.log" 2>&1 ||
    { tail -n 20 "$dir/build.log"; fails "the programs do not build"; exit 1; }
dist=$dir/dist arch=$(dpkg --print-architecture)
[ "$arch" = arm64 ] && other=amd64 || other=arm64
docker/cross "$other" "$dir/build-$other" >"$dir/cross.log" 2>&1 || { tail -n 20 "$dir/cross.log"; fails "docker/cross $other"; exit 1; }
openssl ecparam -name prime256v1 -genkey -noout -out "$dir/key.pem"
openssl pkey -in "$dir/key.pem" -pubout -out "$dir/key.pub"
options=(--build-dir "$dir/build" --arch "$arch,$other" --registry registry.example.org/english --output "$dir/dist/")
./release "${options[@]}" --key "$dir/key.pem" >"$dir/release.log" 2>&1 || { cat "$dir/release.log"; fails "./release"; exit 1; }

the_same_bytes_come_out_again() {
    ./release "${options[@]}" --verify >"$dir/verify.log" 2>&1 || fails "./release --verify: $(cat "$dir/verify.log")"
    (cd "$dist" && find . -type f ! -name 'SHA256SUMS*' -printf '%P\n' | LC_ALL=C sort) >"$dir/files"
    sed 's/^[0-9a-f]*  //' "$dist/SHA256SUMS" | cmp - "$dir/files" || fails "SHA256SUMS does not name each file once"
    cp "$dist/lp.yaml" "$dir/lp.yaml" && echo '# changed' >>"$dist/lp.yaml"
    if ./release "${options[@]}" --verify >"$dir/verify.log" 2>&1; then fails "--verify takes a file that was changed"; fi
    cp "$dir/lp.yaml" "$dist/lp.yaml"
}

what_fails_half_way_leaves_nothing() {
    if ./release "${options[@]}" --output "$dir/half/dist" --images lp-nothing >"$dir/half.log" 2>&1; then fails "./release makes an image that there is not"; fi
    [ -z "$(ls -A "$dir/half")" ] || fails "a release that failed leaves $(ls "$dir/half")"
}

the_sums_are_signed() {
    base64 -d "$dist/SHA256SUMS.sig" >"$dir/sig"
    openssl dgst -sha256 -verify "$dir/key.pub" -signature "$dir/sig" "$dist/SHA256SUMS" >/dev/null || fails "the signature of SHA256SUMS"
}

# With an empty environment and through a link: nothing but what lies beside it is loaded.
the_tarball_runs_by_itself() {
    local said
    mkdir -p "$dir/work/bundle"
    tar -xzf "$dist/kubectl-lp-linux-$arch.tar.gz" -C "$dir/work/bundle"
    ln -sf bundle/kubectl-lp "$dir/work/kubectl-lp"
    said=$(env -i PATH=/usr/bin:/bin "$dir/work/kubectl-lp" --version) || fails "the plugin of the tarball does not run"
    [ "$said" = "kubectl-lp v0.1.0" ] || fails "the plugin of the tarball says: $said"
    env -i PATH=/usr/bin:/bin "$dir/work/kubectl-lp" render -f config/samples/smallest.yaml | grep -q 'kind: Deployment' || fails "the plugin of the tarball renders nothing"
    env -i LD_DEBUG=libs "$dir/work/bundle/lib"/ld-linux* --library-path "$dir/work/bundle/lib" "$dir/work/bundle/lib/kubectl-lp" --version 2>&1 | sed -n 's/.*calling init: //p' | sort -u >"$dir/loaded"
    grep -q libcurl "$dir/loaded" || fails "the loader tells no library: $(cat "$dir/loaded")"
    grep -vF "$dir/work/bundle/lib/" "$dir/loaded" | grep . && fails "a library from outside the tarball"
    return 0
}

# What is of the other architecture, run by qemu as the launcher would start it.
the_other_architecture_runs_too() {
    local multiarch qemu said file
    multiarch=$(dpkg-architecture -a "$other" -q DEB_HOST_MULTIARCH)
    qemu=qemu-${multiarch%%-*}-static
    need_commands "$qemu=qemu-user-static"
    mkdir -p "$dir/work/other"
    tar -xzf "$dist/kubectl-lp-linux-$other.tar.gz" -C "$dir/work/other"
    for file in "$dir/work/other/lib/"*; do
        [ "$(readelf -h "$file" | sed -n 's/.*Machine: *//p')" = "$(readelf -h "$dir/build-$other/bin/kubectl-lp" | sed -n 's/.*Machine: *//p')" ] || fails "$file is of another architecture"
    done
    other_lp() { env -i PATH=/usr/bin:/bin "$qemu" "$dir/work/other/lib/"ld-linux* --library-path "$dir/work/other/lib" "$dir/work/other/lib/kubectl-lp" "$@"; }
    said=$(other_lp --version) || fails "the plugin of the $other tarball does not run"
    [ "$said" = "kubectl-lp v0.1.0" ] || fails "the plugin of the $other tarball says: $said"
    other_lp render -f config/samples/smallest.yaml >"$dir/rendered.other" || fails "the plugin of the $other tarball renders nothing"
    "$dir/build/bin/kubectl-lp" render -f config/samples/smallest.yaml | cmp - "$dir/rendered.other" || fails "$other renders something else than $arch"
    [ "$(dpkg-deb -f "$dist/kubectl-lp_0.1.0_$other.deb" Architecture)" = "$other" ] || fails "the architecture of the $other package"
    [ "$(dpkg-deb -f "$dist/kubectl-lp_0.1.0_$other.deb" Depends)" = "$(dpkg-deb -f "$dist/kubectl-lp_0.1.0_$arch.deb" Depends)" ] || fails "the $other package depends on something else"
    grep -q "arch: $other" "$dist/lp.yaml" || fails "the krew manifest lacks $other"
    jq -e --arg arch "$other" '.components | map(select(.purl)) | length > 5 and all(.purl | endswith("arch=" + $arch) or endswith("arch=all"))' \
        "$dist/kubectl-lp-linux-$other.cdx.json" >/dev/null || fails "the bill of materials of $other names packages of another architecture"
}

every_image_is_there() {
    local name
    for name in $(sed -n 's|^FROM .* AS \(lp-[a-z-]*\)$|\1|p' docker/Dockerfile); do
        [ -s "$dist/images/$name/index.json" ] && [ -s "$dist/images/$name.cdx.json" ] || fails "the image $name or its bill of materials is missing"
    done
}

the_package_has_program_man_page_and_completion() {
    local root=$dir/work/deb file
    dpkg-deb -x "$dist/kubectl-lp_0.1.0_$arch.deb" "$root"
    for file in bin/kubectl-lp bin/kubectl_complete-lp share/man/man1/kubectl-lp.1.gz share/bash-completion/completions/kubectl-lp \
        share/zsh/vendor-completions/_kubectl-lp share/fish/vendor_completions.d/kubectl-lp.fish; do
        [ -s "$root/usr/$file" ] || fails "the package has no /usr/$file"
    done
    [ "$("$root/usr/bin/kubectl-lp" --version)" = "kubectl-lp v0.1.0" ] || fails "the plugin of the package does not run"
    dpkg-deb -f "$dist/kubectl-lp_0.1.0_$arch.deb" Depends | grep -q libcurl4 || fails "the package does not depend on libcurl4"
    gzip -dc "$root/usr/share/man/man1/kubectl-lp.1.gz" | grep -q '^\.TH ' || fails "the man page is none"
    dpkg-deb -c "$dist/kubectl-lp_0.1.0_$arch.deb" | awk '$2 != "root/root"' | grep . && fails "a file of the package is not root's"
    return 0
}

the_package_of_a_candidate_is_older_than_its_release() {
    local made=$dir/work/candidate version
    ./release "${options[@]}" --only plugin --tag v0.1.0-rc.1 --output "$made" >"$dir/candidate.log" 2>&1 || { fails "./release of a candidate: $(cat "$dir/candidate.log")"; return; }
    version=$(dpkg-deb -f "$made/kubectl-lp_0.1.0-rc.1_$arch.deb" Version)
    dpkg --compare-versions "$version" lt 0.1.0 || fails "the package of v0.1.0-rc.1 has the version $version, which is not older than 0.1.0"
}

# Each digest of the layout is that of the file of its name, and its layer is the image's.
the_images_are_oci_layouts() {
    local layout manifest config layer file
    for layout in "$dist"/images/*/; do
        jq -e '.imageLayoutVersion == "1.0.0"' "$layout/oci-layout" >/dev/null || fails "oci-layout"
        for file in "$layout"/blobs/sha256/*; do
            [ "$(sha256sum <"$file" | cut -d' ' -f1)" = "${file##*/}" ] || fails "$file is not what its name says"
        done
        manifest=$(jq -r '.manifests[0].digest' "$layout/index.json") manifest=$layout/blobs/sha256/${manifest#sha256:}
        config=$(jq -r '.config.digest' "$manifest") layer=$(jq -r '.layers[0].digest' "$manifest")
        jq -e --argjson size "$(stat -c %s "$layout/blobs/sha256/${layer#sha256:}")" '.layers[0].size == $size' "$manifest" >/dev/null || fails "the layer's size of $layout"
        jq -e --arg sum "sha256:$(gzip -dc "$layout/blobs/sha256/${layer#sha256:}" | sha256sum | cut -d' ' -f1)" '.rootfs.diff_ids == [$sum]' \
            "$layout/blobs/sha256/${config#sha256:}" >/dev/null || fails "the layer of $layout is not the image's"
    done
    jq -e '.bomFormat == "CycloneDX"' "$dist"/images/*.cdx.json "$dist"/*.cdx.json >/dev/null || fails "a bill of materials"
}

the_chart_and_the_manifests_have_registry_and_tag() {
    need_parts helm
    helm template lp "$dist/learning-platform-0.1.0.tgz" --namespace learning-platform-system >"$dir/chart.yaml" || fails "helm does not take the chart"
    grep -q 'image: registry.example.org/english/lp-operator:v0.1.0' "$dir/chart.yaml" || fails "the chart has another image"
    grep -q 'image: registry.example.org/english/lp-operator:v0.1.0' "$dist/install.yaml" || fails "install.yaml has another image"
}

# A real krew: from a local index, whose manifest it checks; the archive comes from the folder instead of from its address.
krew_installs_it_from_a_local_index() {
    need_parts krew
    export KREW_ROOT=$dir/work/krew
    local index=$dir/work/index krew
    krew=$(part_path krew)
    mkdir -p "$index/plugins" && cp "$dist/lp.yaml" "$index/plugins/"
    git -C "$index" init -q -b main && git -C "$index" add -A && git -C "$index" -c user.name=t -c user.email=t@example.org commit -qm lp
    "$krew" index add local "file://$index" >"$dir/krew.log" 2>&1 || fails "krew index add: $(cat "$dir/krew.log")"
    "$krew" search >"$dir/krew.log" 2>&1 || fails "krew search: $(cat "$dir/krew.log")"
    grep -q 'local/lp .*Looks at LearningPlatforms' "$dir/krew.log" || fails "krew does not find it: $(cat "$dir/krew.log")"
    "$krew" install --manifest "$KREW_ROOT/index/local/plugins/lp.yaml" --archive "$dist/kubectl-lp-linux-$arch.tar.gz" >"$dir/krew.log" 2>&1 ||
        fails "krew install: $(cat "$dir/krew.log")"
    [ "$(env -i PATH=/usr/bin:/bin "$KREW_ROOT/bin/kubectl-lp" --version)" = "kubectl-lp v0.1.0" ] || fails "what krew installed does not run"
    # Its caveat: what krew does not link.
    [ -x "$KREW_ROOT/store/lp/v0.1.0/kubectl_complete-lp" ] && grep -q 'store/lp/v0.1.0/kubectl_complete-lp' "$dir/krew.log" ||
        fails "krew does not say where kubectl_complete-lp is: $(cat "$dir/krew.log")"
    # The manifest has both architectures: each gets its own archive, and takes no other.
    export KREW_OS=linux KREW_ARCH=$other
    KREW_ROOT=$dir/work/krew-$other "$krew" install --manifest "$dist/lp.yaml" --archive "$dist/kubectl-lp-linux-$other.tar.gz" >"$dir/krew.log" 2>&1 ||
        fails "krew install for $other: $(cat "$dir/krew.log")"
    cmp "$dir/work/other/lib/kubectl-lp" "$dir/work/krew-$other/store/lp/v0.1.0/lib/kubectl-lp" || fails "what krew installed is not that of $other"
    KREW_ROOT=$dir/work/krew-wrong "$krew" install --manifest "$dist/lp.yaml" --archive "$dist/kubectl-lp-linux-$arch.tar.gz" >"$dir/krew.log" 2>&1 &&
        fails "krew takes the archive of $arch for $other"
    unset KREW_OS KREW_ARCH
    printf 'x' | cat "$dist/kubectl-lp-linux-$arch.tar.gz" - >"$dir/work/other.tar.gz"
    KREW_ROOT=$dir/work/krew2 "$krew" install --manifest "$dist/lp.yaml" --archive "$dir/work/other.tar.gz" >"$dir/krew.log" 2>&1 && fails "krew takes another archive"
    return 0
}

the_same_bytes_come_out_again
what_fails_half_way_leaves_nothing
the_sums_are_signed
the_tarball_runs_by_itself
the_other_architecture_runs_too
every_image_is_there
the_package_has_program_man_page_and_completion
the_package_of_a_candidate_is_older_than_its_release
the_images_are_oci_layouts
the_chart_and_the_manifests_have_registry_and_tag
krew_installs_it_from_a_local_index
exit $bad
