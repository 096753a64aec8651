#!/bin/bash
# build.sh TAG: stands in for python:3.13-slim-trixie. Debian trixie (minbase), a CPython 3.13 in /usr/local, and
# the authorities that this machine trusts. Needs root and debootstrap; the mirror is the one this machine's apt uses.
set -euo pipefail
tag=$1
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
root=$work/root
export DEBIAN_FRONTEND=noninteractive

mirror=$(apt-get indextargets --format '$(REPO_URI)' | head -1)
packages=ca-certificates,netbase,tzdata,wget,libssl3t64,libsqlite3-0,libreadline8t64,libffi8,libbz2-1.0,liblzma5,libncursesw6,libuuid1,zlib1g
python=$(find "${PYENV_ROOT:-$HOME/.pyenv}/versions" -maxdepth 1 -name '3.13.*' 2>/dev/null | sort -V | tail -1)
[ -n "$python" ] || packages=$packages,python3,python3-venv,python3-pip   # trixie's own 3.13
debootstrap --variant=minbase --include="$packages" trixie "$root" ${mirror:+"$mirror"} >"$work/debootstrap.log" 2>&1 \
  || { tail -20 "$work/debootstrap.log"; exit 1; }

if [ -n "$python" ]; then   # a CPython may be moved: it finds its library from where its binary lies
  cp "$python/bin/python3.13" "$root/usr/local/bin/"
  cp "$python"/lib/libpython3.13.so* "$root/usr/local/lib/" 2>/dev/null || true   # if it was built shared
  tar -C "$python/lib" --exclude='python3.13/test' --exclude='python3.13/site-packages' --exclude='*/idlelib' \
    --exclude='*/tkinter' --exclude='*/turtledemo' --exclude='*/config-3.13-*' --exclude='_tkinter*' \
    --exclude=__pycache__ -c python3.13 | tar -C "$root/usr/local/lib" -x
  mkdir -p "$root/usr/local/lib/python3.13/site-packages"
  for name in python3 python; do ln -s python3.13 "$root/usr/local/bin/$name"; done
  chroot "$root" ldconfig
  chroot "$root" /usr/local/bin/python3 -m ensurepip --default-pip >/dev/null
else
  ln -s /usr/bin/python3 "$root/usr/local/bin/python"
  ln -s /usr/bin/pip3 "$root/usr/local/bin/pip"
  rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED
fi

# As a local authority, so that a later update-ca-certificates keeps it.
cp /etc/ssl/certs/ca-certificates.crt "$root/usr/local/share/ca-certificates/host-bundle.crt"
chroot "$root" update-ca-certificates >/dev/null 2>&1

rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/var/log/*.log
find "$root"/usr/share/{doc,man,locale,info} -type f -delete
tar -C "$root" --numeric-owner -c . | docker import \
  -c 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8' -c 'CMD ["python3"]' - "$tag"
