#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Put this tree into a place, /opt/keyhole unless told otherwise, and as root make it known to systemd.
# It works from where it was unpacked as well: bin/keyholed, bin/keyhole.
#
#     ./install.sh [DIRECTORY]
set -eu
umask 022 # the caller may have another one, and others are to read what is installed
here=$(cd "$(dirname "$0")" && pwd)
place=${1:-/opt/keyhole}

needed=$(cat "$here/lib/keyhole/glibc-needed")
found=$(getconf GNU_LIBC_VERSION 2>/dev/null | awk '{print $2}' || true)
oldest=$(printf '%s\n%s\n' "$needed" "${found:-0}" | sort -V | head -n 1)
[ "$oldest" = "$needed" ] || {
    echo "install.sh: these programs need glibc $needed or later, and here is ${found:-none}" >&2
    exit 1
}

mkdir -p "$place"
place=$(cd "$place" && pwd)
if [ "$place" != "$here" ]; then
    for part in bin libexec lib include share LICENSE; do
        cp -R "$here/$part" "$place/"
    done
fi
echo "installed in $place: add $place/bin to PATH"

[ "$(id -u)" -eq 0 ] || exit 0
if [ ! -e /etc/keyholed/keyholed.yaml ]; then
    mkdir -p /etc/keyholed
    cp "$here/etc/keyholed.yaml" /etc/keyholed/keyholed.yaml
    chmod 644 /etc/keyholed/keyholed.yaml
fi
if command -v systemd-sysusers >/dev/null 2>&1 && command -v systemd-tmpfiles >/dev/null 2>&1; then
    mkdir -p /etc/systemd/system /etc/sysusers.d /etc/tmpfiles.d
    for unit in "$here"/lib/systemd/system/*; do
        sed "s|/opt/keyhole|$place|g" "$unit" >"/etc/systemd/system/${unit##*/}"
    done
    cp "$here/lib/sysusers.d/keyholed.conf" /etc/sysusers.d/
    cp "$here/lib/tmpfiles.d/keyholed.conf" /etc/tmpfiles.d/
    systemd-sysusers keyholed.conf
    systemd-tmpfiles --create keyholed.conf
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
    fi
    echo "next: systemctl start keyholed-init && systemctl enable --now keyholed"
fi
