#!/bin/sh
# Measures varved, Dovecot and Cyrus under the same load, on loopback, and writes one table.
#
#   Benchmarks/servers.sh                                     all rows
#   Benchmarks/servers.sh --messages 100000 --html imap.html  options of `varve-bench imap`
#
# Dovecot is installed from Debian if it is not there. Cyrus' packages conflict with its: they are fetched and unpacked to
# $VARVE_BENCH_CYRUS, or to ~/.cache/varve-bench/cyrus (root's to /var/cache/varve-bench/cyrus, since Cyrus does not run as root and
# its user has no way into root's home), and nothing of them is installed. All three run in folders of their own, as
# Debian sets them up but for where things are, and end with this.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "$(id -u)" = 0 ]; then caches=/var/cache; else caches=${XDG_CACHE_HOME:-$HOME/.cache}; fi
cyrus=${VARVE_BENCH_CYRUS:-$caches/varve-bench/cyrus}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

if ! [ -x /usr/lib/dovecot/imap ]; then
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends dovecot-imapd
fi

if ! [ -x "$cyrus/usr/lib/cyrus/bin/master" ]; then
    mkdir -p "$(dirname "$cyrus")"
    packages=$(mktemp -d)
    trap 'rm -rf "$packages"' EXIT
    # What Cyrus needs that other programs seldom have.
    (cd "$packages" && apt-get download cyrus-common cyrus-imapd sasl2-bin libical3 libpcre3)
    for package in "$packages"/*.deb; do dpkg -x "$package" "$cyrus.new"; done
    mv "$cyrus.new" "$cyrus"
    rm -rf "$packages"
    trap - EXIT
fi
missing=$(LD_LIBRARY_PATH=$cyrus/usr/lib/x86_64-linux-gnu:$cyrus/lib/x86_64-linux-gnu ldd "$cyrus/usr/lib/cyrus/bin/imapd" | grep 'not found' || true)
if [ -n "$missing" ]; then
    echo "servers.sh: Cyrus lacks libraries; install them:" >&2
    echo "$missing" >&2
    exit 1
fi
chmod -R a+rX "$cyrus"

cd "$here/.."
for product in varved varve varve-bench varve-dump; do swift build -c release --product "$product"; done
exec python3 "$here/servers.py" --bin .build/release --cyrus "$cyrus" -- "$@"
