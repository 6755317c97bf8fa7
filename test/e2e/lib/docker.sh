# The docker engine: installed, started, and able to run the node. Sourced, never run.
# shellcheck shell=bash

RUNC_WRAPPER=/usr/local/bin/learning-platform-runc
DOCKERD_LOG=/var/log/learning-platform-dockerd.log

docker_answers() {
    timeout 10 docker info
}

# CAP_SYS_RESOURCE is bit 24. Containers of CI services often have root without it.
has_sys_resource() {
    local line
    line=$(grep CapBnd /proc/self/status)
    (((0x${line##*[[:space:]]} >> 24) & 1))
}

# Adds our runtime to the engine's configuration, beside whatever stands there.
write_daemon_config() {
    local file=/etc/docker/daemon.json old='{}' new
    [ ! -s "$file" ] || old=$(cat "$file")
    new=$(jq --arg path "$RUNC_WRAPPER" \
        '.runtimes["learning-platform"].path = $path | ."default-runtime" = "learning-platform"' <<<"$old") ||
        die "$file is no valid JSON: correct it."
    [ "$new" != "$(jq . <<<"$old")" ] || return 0
    as_root mkdir -p /etc/docker
    as_root tee "$file" <<<"$new" >/dev/null
}

# Without CAP_SYS_RESOURCE runc refuses privileged containers: a wrapper asks for less.
configure_runtime() {
    has_sys_resource && return 0
    need_commands jq=jq
    cmp -s "$LP_E2E_LIB/runc-without-sys-resource" "$RUNC_WRAPPER" ||
        as_root install -m 755 "$LP_E2E_LIB/runc-without-sys-resource" "$RUNC_WRAPPER"
    write_daemon_config
    if docker_answers >/dev/null 2>&1 &&
        [ "$(docker info --format '{{.DefaultRuntime}}')" != learning-platform ]; then
        # The engine reads its list of runtimes again on SIGHUP.
        as_root kill -HUP "$(</var/run/docker.pid)"
        wait_for "docker to use the runtime wrapper" 20 uses_wrapper ||
            die "the docker engine does not take $RUNC_WRAPPER as its runtime: restart it."
    fi
}

uses_wrapper() {
    [ "$(docker info --format '{{.DefaultRuntime}}')" = learning-platform ]
}

# A pid file of an engine that ended with the machine would keep a new one from starting.
remove_stale_pid() {
    local file=/var/run/docker.pid pid
    [ -f "$file" ] || return 0
    pid=$(<"$file")
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] || as_root rm -f "$file"
}

start_engine() {
    if [ -d /run/systemd/system ]; then
        as_root systemctl start docker
        return
    fi
    remove_stale_pid
    # The redirection belongs to root as well, hence the inner shell. The engine outlives this
    # script, so it must not hold the script's lock (descriptor 7).
    as_root sh -c "setsid dockerd >>$DOCKERD_LOG 2>&1 </dev/null &" 7>&-
}

# Whether the engine answers; ends the script where it does, but not to this user.
docker_answers_us() {
    local why
    why=$(docker_answers 2>&1) && return 0
    case $why in *"permission denied"*)
        die "docker refuses this user: add it to the group docker (usermod -aG docker $(id -un)) and log in again, or run this as root." ;;
    esac
    return 1
}

need_docker() {
    need_commands docker=docker.io dockerd=docker.io iptables=iptables
    configure_runtime
    if ! docker_answers_us; then
        say "starting the docker engine"
        start_engine || die "the docker engine did not start: see 'systemctl status docker'."
        wait_for "the docker engine" 60 docker_answers ||
            { show_log "$DOCKERD_LOG" && die "the docker engine did not start: its log is $DOCKERD_LOG."; }
    fi
}

# The network that kind uses, with a name for its bridge if we are the ones who make it.
need_kind_network() {
    docker network inspect kind >/dev/null 2>&1 ||
        docker network create -o com.docker.network.bridge.name=kind0 kind >/dev/null ||
        die "docker cannot make the network 'kind': see its log ($DOCKERD_LOG)."
}

kind_bridge() {
    local name
    name=$(docker network inspect --format '{{index .Options "com.docker.network.bridge.name"}}' kind)
    [ -n "$name" ] || name=br-$(docker network inspect --format '{{slice .Id 0 12}}' kind)
    echo "$name"
}

# Nothing in a cluster without a registry has business outside. A Service without endpoints would
# otherwise send its packets along the default route, to a stranger.
cut_off_cluster() {
    local bridge
    bridge=$(kind_bridge)
    as_root iptables -C DOCKER-USER -i "$bridge" ! -o "$bridge" -j REJECT 2>/dev/null ||
        as_root iptables -I DOCKER-USER -i "$bridge" ! -o "$bridge" -j REJECT
}

let_cluster_out() {
    local bridge
    docker network inspect kind >/dev/null 2>&1 || return 0
    bridge=$(kind_bridge)
    while as_root iptables -D DOCKER-USER -i "$bridge" ! -o "$bridge" -j REJECT 2>/dev/null; do :; done
}
