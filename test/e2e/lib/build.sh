# What the project is built with, and building it. Sourced after common.sh, never run.
# shellcheck shell=bash disable=SC2034 # the lists are for those who source this

BUILD_PACKAGES='gcc libc6-dev cmake ninja-build pkg-config git ca-certificates curl jq
libcurl4-openssl-dev libyaml-dev libjansson-dev libzstd-dev libssl-dev libmicrohttpd-dev libgnutls28-dev libpq-dev
libmongoc-dev libargon2-dev libsodium-dev libserd-dev libsamplerate0-dev python3-pip hunspell-en-us hunspell-en-gb pocketsphinx-en-us tzdata'
CHECK_PACKAGES='libcmocka-dev mold clang clang-tidy clang-format libclang-rt-14-dev cppcheck shellcheck
python3 python3-yaml python3-jsonschema postgresql openssl default-jdk-headless maven lua5.3
chromium chromium-driver python3-selenium flite espeak-ng'

have_package() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# need_packages PACKAGE...: installs those that are not there.
need_packages() {
    local package missing=()
    command -v dpkg-query >/dev/null ||
        die "this script knows Debian and Ubuntu only; install these by hand: $*"
    for package in "$@"; do
        # A JDK or Maven from elsewhere will do.
        case $package in
        default-jdk-headless) command -v javac >/dev/null && continue ;;
        maven) command -v mvn >/dev/null && continue ;;
        esac
        have_package "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    run_step "installing ${#missing[@]} packages (${missing[*]:0:4} ...)" 1200 apt_install "${missing[@]}" ||
        die "could not install ${missing[*]}: look at the log above, or install them yourself."
}

# build_preset PRESET [CMAKE_ARG...]: configures and builds into build/PRESET.
build_preset() {
    local preset=$1
    shift
    cmake --preset "$preset" "$@" && nice -n 5 cmake --build --preset "$preset" -j "$(nproc)"
}
