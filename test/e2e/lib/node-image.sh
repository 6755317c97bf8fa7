# The image of a kind node, made from Debian packages and Go modules. Sourced, never run.
# shellcheck shell=bash

NODE_IMAGE_DIR=$LP_E2E_LIB/../node-image
NODE_ROOT_PACKAGES=systemd,systemd-sysv,dbus,conntrack,iptables,nftables,iproute2,ethtool,util-linux,mount,kmod,libseccomp2,pigz,bash,ca-certificates,curl,jq,procps,runc,socat,hostname,e2fsprogs,containernetworking-plugins,busybox
# Names carry a sum of what a thing was made from, so that a changed recipe gives a new one.
NODE_ROOT=$DEBIAN_RELEASE-$(sha256sum <<<"$NODE_ROOT_PACKAGES" | cut -c1-8)
NODE_ROOT_IMAGE=learning-platform/debian-node:$NODE_ROOT
NODE_RECIPE=$(cat "$LP_E2E_LIB"/{versions,node-image}.sh "$NODE_IMAGE_DIR"/* | sha256sum | cut -c1-8)
OFFLINE_NODE_IMAGE=learning-platform/node:v$KUBERNETES_VERSION-$NODE_RECIPE

have_image() { # IMAGE
    docker image inspect "$1" >/dev/null 2>&1
}

# The Debian root as a tar file in the cache; debootstrap itself works in a folder of root's.
make_node_root() { # TAR
    local dir
    dir=$(as_root mktemp -d /var/tmp/learning-platform-root.XXXXXX) &&
        as_root debootstrap --variant=minbase --include="$NODE_ROOT_PACKAGES" \
            "$DEBIAN_RELEASE" "$dir" &&
        as_root tar -C "$dir" --one-file-system --exclude='./var/cache/apt/archives/*.deb' -c . >"$1.part" &&
        as_root rm -rf "$dir" &&
        mv "$1.part" "$1"
}

need_node_root() {
    local tar=$LP_CACHE/parts/node-root-$NODE_ROOT.tar
    have_image "$NODE_ROOT_IMAGE" && return 0
    mkdir -p "$LP_CACHE/parts"
    if [ ! -f "$tar" ]; then
        run_step "installing Debian $DEBIAN_RELEASE for the node" 1200 make_node_root "$tar" ||
            die "debootstrap could not install Debian: check that your Debian mirror answers, then run this again."
    fi
    run_step "loading the node's Debian into docker" 300 docker import "$tar" "$NODE_ROOT_IMAGE" ||
        die "docker could not import $tar: check the free space of the disk."
}

# A static program as an image.
program_image() { # PROGRAM_FILE TAG...
    local name=${1##*/} dir tag
    dir=$work/image-$name
    mkdir -p "$dir" && cp "$1" "$dir/$name" &&
        sed "s/PROGRAM/$name/g" "$NODE_IMAGE_DIR/program.Dockerfile" >"$dir/Dockerfile" || return
    for tag in "${@:2}"; do
        docker build -q -t "$tag" "$dir" || return
    done
}

# All images that run in a fresh cluster; their names are in NODE_CONTENT.
make_content_images() {
    local registry=registry.k8s.io name tags=() tag
    NODE_CONTENT=("$registry/etcd:$ETCD_IMAGE_TAG" "$registry/coredns/coredns:$COREDNS_IMAGE_TAG"
        "$METRICS_SERVER_IMAGE" "$registry/kube-proxy:v$KUBERNETES_VERSION" "$TEST_IMAGE")
    for name in kube-apiserver kube-controller-manager kube-scheduler; do
        NODE_CONTENT+=("$registry/$name:v$KUBERNETES_VERSION")
        program_image "$(part_path "$name")" "$registry/$name:v$KUBERNETES_VERSION" || return
    done
    for tag in $PAUSE_IMAGE_TAGS; do tags+=("$registry/pause:$tag"); done
    NODE_CONTENT+=("${tags[@]}")
    gcc -std=c17 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Os -static -s \
        -o "$work/pause" "$NODE_IMAGE_DIR/pause.c" &&
        program_image "$work/pause" "${tags[@]}" &&
        program_image "$(part_path etcd)" "$registry/etcd:$ETCD_IMAGE_TAG" &&
        program_image "$(part_path coredns)" "$registry/coredns/coredns:$COREDNS_IMAGE_TAG" &&
        program_image "$(part_path metrics-server)" "$METRICS_SERVER_IMAGE" &&
        mkdir -p "$work/kube-proxy" "$work/empty" &&
        cp "$(part_path kube-proxy)" "$work/kube-proxy/" &&
        docker build -q -t "$registry/kube-proxy:v$KUBERNETES_VERSION" --build-arg ROOT="$NODE_ROOT_IMAGE" \
            -f "$NODE_IMAGE_DIR/kube-proxy.Dockerfile" "$work/kube-proxy" &&
        docker build -q -t "$TEST_IMAGE" --build-arg ROOT="$NODE_ROOT_IMAGE" \
            -f "$NODE_IMAGE_DIR/busybox.Dockerfile" "$work/empty"
}

# kind's files from its module, the programs, and the Dockerfile's other inputs in one folder.
make_base_image() { # TAG
    local dir=$work/base name sys_resource=yes kind_files
    has_sys_resource || sys_resource=no
    kind_files=$(go mod download -json "sigs.k8s.io/kind@$KIND_VERSION" | jq -r .Dir)/images/base/files
    mkdir -p "$dir" && cp -r "$kind_files" "$dir/files" && chmod -R u+w "$dir/files" || return
    for name in $CONTAINERD_PARTS kubeadm kubelet kubectl; do
        cp "$(part_path "$name")" "$dir/" || return
    done
    cp "$NODE_IMAGE_DIR"/{default-cni.yaml,10-ptp.conflist} "$dir/" &&
        docker build -q -t "$1" --build-arg ROOT="$NODE_ROOT_IMAGE" \
            --build-arg SYS_RESOURCE="$sys_resource" \
            --build-arg KUBERNETES_VERSION="$KUBERNETES_VERSION" -f "$NODE_IMAGE_DIR/Dockerfile" "$dir"
}

# Puts the images into the node's containerd: it is run for that once, and the result is kept.
fill_node_image() { # BASE_TAG TAG
    local builder=learning-platform-node-builder
    docker rm -f "$builder" >/dev/null 2>&1
    docker run -d --name "$builder" --privileged --entrypoint sleep "$1" infinity &&
        docker exec -d "$builder" sh -c 'containerd >/tmp/containerd.log 2>&1' &&
        wait_for "containerd in the builder" 60 docker exec "$builder" ctr version &&
        docker save "${NODE_CONTENT[@]}" | docker exec -i "$builder" ctr -n k8s.io images import \
            --label=io.cri-containerd.pinned=pinned --no-unpack - &&
        docker exec "$builder" sh -c 'pkill -x containerd; while pgrep -x containerd; do sleep 0.1; done' &&
        docker commit --change 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]' "$builder" "$2"
    local status=$?
    docker rm -f "$builder"
    return $status
}

# Those that a cluster still uses stay: docker refuses to remove them.
remove_old_node_images() {
    docker images --format '{{.Repository}}:{{.Tag}}' "${OFFLINE_NODE_IMAGE%%:*}" |
        grep -vxF "$OFFLINE_NODE_IMAGE" | xargs -r -n1 docker rmi
    return 0
}

make_node_image() {
    local work base=learning-platform/node-base:v$KUBERNETES_VERSION status=0
    work=$(mktemp -d "$LP_CACHE/tmp/node-image.XXXXXX") || return
    make_content_images && make_base_image "$base" && fill_node_image "$base" "$OFFLINE_NODE_IMAGE" || status=$?
    rm -rf "$work"
    [ "$status" = 0 ] && remove_old_node_images
    return $status
}

# shellcheck disable=SC2086 # a list of words
need_node_parts() {
    need_parts $NODE_PARTS
}

# Debian is unpacked while the parts are fetched and compiled.
need_offline_node_image() {
    have_image "$OFFLINE_NODE_IMAGE" && return 0
    need_go
    need_commands gcc=build-essential jq=jq debootstrap=debootstrap
    side_by_side need_node_root need_node_parts || die "what the node is made of is not there: see above."
    run_step "making the node image $OFFLINE_NODE_IMAGE" 900 make_node_image ||
        die "the node image could not be made: the log above says at which step; check the free space of the disk, then run this again."
}
