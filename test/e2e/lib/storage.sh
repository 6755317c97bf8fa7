# Volumes that a pod which is not root can write, in a cluster whose node image was made here. Sourced, never run.
# shellcheck shell=bash
#
# kind's own node images bring local-path-provisioner. Without it kind falls back to host-path volumes, whose folder
# belongs to root and to which Kubernetes applies no fsGroup: the databases could not write there.

LOCAL_PATH_IMAGE=learning-platform/local-path-provisioner:$LOCAL_PATH_VERSION

storage_is_for_root() {
    [ "$(kubectl_here get storageclass standard -o 'jsonpath={.provisioner}' 2>/dev/null)" = kubernetes.io/host-path ]
}

make_local_path_image() {
    local dir part
    part=$(part_path local-path-provisioner)
    dir=$(mktemp -d "$LP_CACHE/tmp/local-path.XXXXXX") &&
        cp "$part" "$dir/" &&
        sed 's/PROGRAM/local-path-provisioner/g' "$NODE_IMAGE_DIR/program.Dockerfile" >"$dir/Dockerfile" &&
        docker build -q -t "$LOCAL_PATH_IMAGE" "$dir"
    local status=$?
    rm -rf "$dir"
    return $status
}

storage_runs() {
    kubectl_here -n local-path-storage wait --for=condition=Available deployment/local-path-provisioner --timeout=5s
}

install_storage() {
    storage_is_for_root || return 0
    if ! have_image "$LOCAL_PATH_IMAGE"; then
        need_parts local-path-provisioner
        run_step "making the image of local-path-provisioner" 120 make_local_path_image ||
            die "the image of local-path-provisioner could not be made: look at the log above."
    fi
    run_step "loading local-path-provisioner into the cluster" 120 kind load docker-image --name "$CLUSTER" "$LOCAL_PATH_IMAGE" ||
        die "kind could not load $LOCAL_PATH_IMAGE: look at the log above."
    kubectl_here delete storageclass standard --ignore-not-found >/dev/null
    sed "s|LOCAL_PATH_IMAGE|$LOCAL_PATH_IMAGE|; s|TEST_IMAGE|$TEST_IMAGE|" "$LP_E2E_LIB/../storage.yaml" |
        kubectl_here apply --server-side --force-conflicts -f - >/dev/null ||
        die "local-path-provisioner could not be installed: see 'kubectl --context $CONTEXT get events -A'."
    wait_for "volumes" 120 storage_runs ||
        die "local-path-provisioner does not start: see 'kubectl --context $CONTEXT -n local-path-storage describe pods'."
}
