# Installs Debian packages as root. No service of theirs is started, now or at the next boot: the tests start their own.
set -eu
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
# A package source of a third party that does not answer must not stop us; the next line will say what is really missing.
apt-get update || true
apt-get install --yes --no-install-recommends -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 "$@"
[ -d /run/systemd/system ] || exit 0
for package do
    units=$(dpkg -L "$package" | sed -n 's,^.*/systemd/system/\([^/@]*\.\(service\|socket\|target\)\)$,\1,p')
    for unit in $units; do
        systemctl disable --quiet "$unit" || true
    done
done
