#!/bin/bash
# docker/build-offline on a small program of its own: what is in the image, and that it comes out the same twice.
# Needs no docker.
#   images.sh DIR
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=$1
rm -rf "$dir"
mkdir -p "$dir/bin"
bad=0
fails() { echo "not ok: $*"; bad=1; }

# A new program is made by all three, or none of them would miss it.
images=$(sed -n 's/^names=//p' docker/build-offline | tr , '\n' | grep -vxE 'lp-postgres|lp-mongo' | sort)
[ -n "$images" ] || fails "docker/build-offline names no images"
[ "$(sed -n 's/^FROM scratch AS //p' docker/Dockerfile | sort)" = "$images" ] || fails "the targets of docker/Dockerfile are not the images of docker/build-offline"
[ "$(sed -n "s/^PROGRAMS='\(.*\)'/\1/p" release | tr , '\n' | sort)" = "$images" ] || fails "the images of ./release are not those of docker/build-offline"

printf '#include <curl/curl.h>\n#include <stdio.h>\nint main(void) { return puts(curl_version()) < 0; }\n' >"$dir/program.c"
cc -o "$dir/bin/lp-gateway" "$dir/program.c" -lcurl
for n in 1 2; do
    docker/build-offline --build-dir "$dir" --only lp-gateway --registry example.org/x --tag t1 --no-load --output "$dir/$n" >"$dir/line$n"
    touch "$dir/bin/lp-gateway"
done
cmp "$dir/1/lp-gateway.tar" "$dir/2/lp-gateway.tar" || fails "the same files give two images"
cmp "$dir/line1" "$dir/line2" || fails "the same files give two ids"

tar -xOf "$dir/1/lp-gateway.tar" manifest.json | jq -e '.[0].RepoTags == ["example.org/x/lp-gateway:t1"]' >/dev/null || fails "name of the image"
config=$(tar -xOf "$dir/1/lp-gateway.tar" manifest.json | jq -r '.[0].Config')
layer=$(tar -xOf "$dir/1/lp-gateway.tar" manifest.json | jq -r '.[0].Layers[0]')
tar -xOf "$dir/1/lp-gateway.tar" "$config" >"$dir/config.json"
jq -e '.config.User == "65532:65532" and .config.Entrypoint == ["/usr/bin/lp-gateway"]
    and .config.ExposedPorts == {"8080/tcp": {}, "9090/tcp": {}}' "$dir/config.json" >/dev/null || fails "config: $(cat "$dir/config.json")"
[ "$config" = "$(sha256sum <"$dir/config.json" | cut -d' ' -f1).json" ] || fails "the config's name is not its sum"
tar -xOf "$dir/1/lp-gateway.tar" "$layer" >"$dir/layer.tar"
jq -e --arg sum "sha256:$(sha256sum <"$dir/layer.tar" | cut -d' ' -f1)" '.rootfs.diff_ids == [$sum]' "$dir/config.json" >/dev/null ||
    fails "the layer's sum is not what the config says"

tar -tf "$dir/layer.tar" >"$dir/files"
for path in ./usr/bin/lp-gateway ./etc/passwd ./etc/ssl/certs/ca-certificates.crt; do
    grep -qxF "$path" "$dir/files" || fails "the image lacks $path"
done
programs=$(grep -E '^\./usr/s?bin/.' "$dir/files" || true)
[ "$programs" = ./usr/bin/lp-gateway ] || fails "more programs than its own: $programs"
tar --numeric-owner -tvf "$dir/layer.tar" | awk '$2 != "0/0" { print; found = 1 } END { exit found }' || fails "a file is not root's"
tar -tvf "$dir/layer.tar" | grep -E '^-.{7}w|^-..s|^-.{5}s' && fails "a file that all may write, or setuid"

# Every library is there: the loader of the image, told to look nowhere else, finds them all.
mkdir "$dir/root"
tar -C "$dir/root" --no-same-owner -xf "$dir/layer.tar"
loader=$(find "$dir/root/usr/lib64" "$dir/root/usr/lib" -maxdepth 1 -name 'ld-*' | sed -n 1p)
libraries=$(find "$dir/root/usr/lib" -name 'libc.so.6' -printf '%h\n')
listed=$("$loader" --inhibit-cache --library-path "$libraries" --list "$dir/root/usr/bin/lp-gateway")
grep -vE 'linux-vdso|ld-linux' <<<"$listed" | grep -vF "$libraries" && fails "a library from outside the image"

docker/build-offline --build-dir "$dir/none" --only lp-auth --no-load --output "$dir/3" 2>"$dir/why" && fails "a program that is not there"
grep -q 'lp-auth is not there: cmake' "$dir/why" || fails "no sentence for a program that is not there: $(cat "$dir/why")"
docker/build-offline --only lp-nosuch --no-load --output "$dir/3" 2>"$dir/why" && fails "an image that is none"
grep -q 'no image named lp-nosuch' "$dir/why" || fails "no sentence for an image that is none: $(cat "$dir/why")"
exit $bad
