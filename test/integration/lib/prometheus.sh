# shellcheck shell=bash
# Debian's prometheus and promtool, without the package's service, which would start on port 9090. Sourced; needs $work, an empty folder,
# and die().

# Sets $promtool and $prometheus.
find_prometheus() {
    local work=${work:?} cache=${XDG_CACHE_HOME:-$HOME/.cache}/learning-platform/prometheus
    if command -v promtool >/dev/null && command -v prometheus >/dev/null; then
        promtool=promtool prometheus=prometheus
        return
    fi
    promtool=$cache/usr/bin/promtool prometheus=$cache/usr/bin/prometheus
    [ ! -x "$prometheus" ] || return 0
    mkdir -p "$(dirname "$cache")"
    exec 7>"$cache.lock" # of the tests that run side by side one fetches it
    flock 7
    [ ! -x "$prometheus" ] || { exec 7>&- && return 0; }
    (cd "$work" && apt-get download -qq prometheus) >"$work/download.log" 2>&1 ||
        die "cannot download the package prometheus: $(tail -1 "$work/download.log"); install it yourself, or run apt-get update"
    dpkg-deb -x "$work"/prometheus_*.deb "$work/package"
    rm -rf "$cache"
    mv "$work/package" "$cache"
    exec 7>&-
    export promtool prometheus
}
