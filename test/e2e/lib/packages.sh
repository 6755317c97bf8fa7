# Debian packages that a script needs and installs itself. Sourced, never run.
# shellcheck shell=bash

# Runs a command as root: directly, or through sudo.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "'$*' needs root and there is no sudo: run this as root."
    fi
}

apt_install() { # PACKAGE...
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 update -qq &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 \
            install -y -qq --no-install-recommends "$@"
}

# need_commands COMMAND=PACKAGE...: installs the packages whose command is missing.
need_commands() {
    local pair missing=()
    for pair in "$@"; do
        PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null ||
        die "missing: ${missing[*]}, and there is no apt-get: install them with your package manager."
    run_step "installing ${missing[*]}" 900 apt_install "${missing[@]}" ||
        die "could not install ${missing[*]}: look at the log above, or install them yourself."
}
