# Puts together the root file system of an image: programs, the shared libraries they load, data. Sourced, never run.
# shellcheck shell=bash
#
# A library is looked for by the name in DT_NEEDED, in the folders that Debian's loader searches, below the tree it
# comes from (/ or unpacked packages). So nothing is run to find out, and a tree need not be one this machine can run.

MULTIARCH=$(dpkg-architecture -q DEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch)
STRIP='strip' # of the architecture of the tree

root_new() { # ROOT: the folders that every image has, merged /usr like Debian's
    local root=$1
    rm -rf "$root"
    mkdir -p "$root"/{dev,etc,proc,sys,tmp,usr/bin,usr/sbin,usr/lib64,"usr/lib/$MULTIARCH"}
    chmod 1777 "$root/tmp"
    ln -s usr/bin "$root/bin"
    ln -s usr/sbin "$root/sbin"
    ln -s usr/lib "$root/lib"
    ln -s usr/lib64 "$root/lib64"
    echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
}

root_user() { # ROOT NAME ID HOME
    printf 'root:x:0:0:root:/:/sbin/nologin\n%s:x:%s:%s:%s:%s:/sbin/nologin\n' "$2" "$3" "$3" "$2" "$4" >"$1/etc/passwd"
    printf 'root:x:0:\n%s:x:%s:\n' "$2" "$3" >"$1/etc/group"
}

root_copy() { # ROOT FROM PATH...: copies files or folders from the tree FROM to the same place
    local root=$1 from=${2%/} path
    shift 2
    for path in "$@"; do
        [ -e "$from$path" ] || die "$from$path is missing: install the package that holds it."
        mkdir -p "$root${path%/*}"
        cp -RL --preserve=mode "$from$path" "$root${path%/*}/"
    done
}

root_zones() { # ROOT FROM: the time zones of Debian's tzdata, without the two copies that only programs of old ask for
    local zones=/usr/share/zoneinfo
    [ -e "${2%/}$zones/Europe/Berlin" ] || die "${2%/}$zones has no time zones: install the package tzdata."
    mkdir -p "$1$zones"
    (cd "${2%/}$zones" && find . \( -path ./posix -o -path ./right -o -name localtime -o -name posixrules -o -name leapseconds \) -prune \
        -o ! -name '*.*' \( -type f -o -type l \) -print0 | tar --null --files-from=- -cf -) | tar -xf - -C "$1$zones"
}

library_path() { # FROM NAME: prints where the library lies below FROM
    local dir
    for dir in "/usr/lib/$MULTIARCH" "/lib/$MULTIARCH" /usr/lib /lib /usr/local/lib; do
        if [ -e "${1%/}$dir/$2" ]; then
            echo "$dir/$2"
            return 0
        fi
    done
    return 1
}

root_libraries() { # ROOT FROM FILE...: the loader and every library that these ELF files need, directly or not
    local root=$1 from=$2 file name path loader
    shift 2
    for file in "$@"; do
        loader=$(readelf -lW "$file" 2>/dev/null | sed -n 's/.*program interpreter: \(.*\)\]/\1/p')
        if [ -n "$loader" ] && [ ! -e "$root$loader" ]; then
            path=$(library_path "$from" "${loader##*/}") || die "no loader ${loader##*/} below $from"
            cp -L --preserve=mode "${from%/}$path" "$root$loader"
        fi
        while read -r name; do
            if find "$root/usr/lib" -name "$name" -print -quit | grep -q .; then continue; fi
            path=$(library_path "$from" "$name") || die "${file##*/} needs $name, which is not below $from"
            install -m 644 "${from%/}$path" "$root/usr/lib/$MULTIARCH/$name"
            root_libraries "$root" "$from" "${from%/}$path"
        done < <(readelf -dW "$file" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
    done
}

root_strip() { # ROOT: no symbols or debug sections; what cannot be stripped stays as it is
    find "$1/usr" -type f \( -perm -u+x -o -name '*.so*' \) -exec "$STRIP" --strip-unneeded {} + 2>/dev/null || true
}
