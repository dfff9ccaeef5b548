#!/usr/bin/env bash
# Prints the shell lines that make cargo build for wasm32-unknown-unknown:
#   vars=$(tests/guests/rust-wasm-sysroot.sh) && eval "$vars" && cargo build ...
#
# 1. The ordinary way: the toolchain in use has the target
#    (rustup target add wasm32-unknown-unknown). Nothing is done.
# 2. Where rustup cannot fetch it: Debian's rustc-web comes with the source of the
#    matching std (rust-web-src, its crates vendored). Five packages are unpacked into
#    the cache, nothing is installed, no root is needed where apt knows its lists, and
#    std is built once with -Zbuild-std. Needs apt-get, dpkg-deb, a C compiler as the
#    linker of proc macros, cargo, and rust-lld, which every rustup toolchain has.
#    The first time takes about a minute and 0.9 GB; later calls cost nothing.
#
# Kept under ${QUARTERDECK_CACHE:-$HOME/.cache/quarterdeck}/rust-wasm; delete it to begin anew.
set -euo pipefail
target=wasm32-unknown-unknown
say() { echo "rust-wasm-sysroot: $*" >&2; }

if [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; then
  echo "export CARGO_BUILD_TARGET=$target"
  exit 0
fi

cache=${QUARTERDECK_CACHE:-$HOME/.cache/quarterdeck}/rust-wasm
mkdir -p "$cache"
exec 9> "$cache.lock"
flock 9 # Two builds at once on a fresh machine: the second finds the work done.
if [ -e "$cache/done" ]; then
  cat "$cache/env"
  exit 0
fi
rm -rf "$cache"
mkdir -p "$cache"/{debs,bin,root,std/src}

# libstd-rust-web-dev depends on the versioned package that holds rustc's own libraries.
libstd() { apt-cache depends libstd-rust-web-dev 2> /dev/null | awk '/Depends: libstd-rust-web-[0-9]/{print $2; exit}'; }
if [ -z "$(libstd)" ]; then
  say "apt does not know rustc-web: running apt-get update"
  apt-get update -qq >&2 || say "apt-get update failed (it wants root)"
fi
libstd=$(libstd)
if [ -z "$libstd" ]; then
  say "no package rustc-web here. Either: rustup target add $target. Or: Debian 12 or newer, apt-get update, and again"
  exit 1
fi
llvm=$(apt-cache depends "$libstd" rustc-web | awk '/Depends: libllvm[0-9]/{print $2; exit}')
say "downloading rustc-web, rust-web-src, libstd-rust-web-dev, $libstd, $llvm"
(
  cd "$cache/debs"
  # As root apt would hand the download to a user who may not write here, and warn about it.
  apt-get -o APT::Sandbox::User=root download -qq rustc-web rust-web-src libstd-rust-web-dev "$libstd" "$llvm" >&2
  for deb in *.deb; do dpkg-deb -x "$deb" "$cache/root"; done
)
rm -rf "$cache/debs"

lld=$(find "$(rustc --print sysroot)/lib/rustlib" -name rust-lld -type f -print -quit)
driver=$(find "$cache/root/usr/lib" -maxdepth 2 -name 'librustc_driver-*.so' -print -quit)
if [ -z "$lld" ] || [ -z "$driver" ]; then
  say "found no ${lld:+librustc_driver}${lld:-rust-lld}: is this toolchain rustup's?"
  exit 1
fi
cat > "$cache/bin/rustc" << WRAPPER
#!/bin/sh
LD_LIBRARY_PATH='$(dirname "$driver")'\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH} exec '$cache/root/usr/bin/rustc' "\$@"
WRAPPER
chmod +x "$cache/bin/rustc"
cat > "$cache/env" << ENV
export CARGO_BUILD_TARGET=$target
export RUSTC='$cache/bin/rustc'
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER='$lld'
ENV

say "building std for $target"
(
  cd "$cache/std"
  printf '[package]\nname = "std-for-wasm"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n' > Cargo.toml
  echo '#![no_std]' > src/lib.rs
  . "$cache/env"
  unset CARGO_ENCODED_RUSTFLAGS CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR RUSTC_WRAPPER
  # Embedded bitcode is what lets a guest say `lto = true` ("Can't find section .llvmbc" without it).
  # The remapping keeps this machine's paths out of std's panic texts, and so out of every guest.
  RUSTC_BOOTSTRAP=1 \
    RUSTFLAGS="-Cembed-bitcode=yes --remap-path-prefix=$cache=/std --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=/crates" \
    cargo build --quiet --release --target-dir target -Zbuild-std=core,alloc,std,panic_abort >&2
  lib=$cache/root/usr/lib/rustlib/$target/lib
  mkdir -p "$lib"
  cp "target/$target/release/deps/"*.rlib "$lib/"
  rm -f "$lib"/libstd_for_wasm-*.rlib
)
rm -rf "$cache/std"
touch "$cache/done"
cat "$cache/env"
