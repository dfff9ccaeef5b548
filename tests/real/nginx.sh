#!/bin/bash
# An nginx image made of Debian packages, so that no registry of images is needed.
#
#   nginx.sh archive         the image as a file that every engine loads; prints its path
#   nginx.sh load SOCKET     the same, loaded into the engine behind that socket
#
# Its tags are nginx:alpine and nginx:1.27-alpine, as people write them. It is neither Alpine nor 1.27 but bookworm's nginx on
# busybox: it answers on port 80, logs to stdout and stops on SIGQUIT as the one of that name does. The bytes are the same
# whoever makes it. An engine that is asked for another tag goes to a public registry, and fails at once in our namespace.
. "$(dirname "$(readlink -f "$0")")/lib.sh"

TAGS=(nginx:alpine nginx:1.27-alpine)
# Raise it when what goes into the image changes: it is part of the cached file's name.
REVISION=2
ARCHIVE=$CACHE/images/nginx-$REVISION.tar

archive() { need_machine; once "$ARCHIVE" make; echo "$ARCHIVE"; }

make() {
  local work root from lib; work=$(mktemp -d); trap "rm -rf '$work'" EXIT
  root=$work/root from=$work/packages
  say "nginx image: unpacking packages"
  # The libraries are the ones nginx is linked to; modules, perl and certificates stay out.
  unpack bookworm "$from" nginx libc6 libcrypt1 libpcre2-8-0 libssl3 zlib1g busybox-static
  mkdir -p "$root"/{bin,dev,etc/nginx/conf.d,lib/x86_64-linux-gnu,lib64,proc,root,tmp,usr/bin,usr/sbin,usr/share/nginx/html,var/lib/nginx,var/log/nginx,var/run}
  busybox "$from/bin/busybox" "$root"
  cp "$from/usr/sbin/nginx" "$root/usr/sbin/"
  for lib in libc.so.6 libcrypt.so.1 libpcre2-8.so.0 libssl.so.3 libcrypto.so.3 libz.so.1 libnss_files.so.2; do
    cp -L "$(find "$from" -name "$lib" -print -quit)" "$root/lib/x86_64-linux-gnu/"
  done
  cp -L "$(find "$from" -name ld-linux-x86-64.so.2 -print -quit)" "$root/lib64/"
  configure "$root"
  pack "$root" "$ARCHIVE" '{"Env":["PATH=/usr/sbin:/usr/bin:/bin"],"Cmd":["nginx","-g","daemon off;"],"ExposedPorts":{"80/tcp":{}},"StopSignal":"SIGQUIT"}' "${TAGS[@]}"
}

configure() {
  local root=$1
  printf 'root:x:0:0:root:/root:/bin/sh\nnginx:x:101:101::/var/lib/nginx:/bin/false\n' >"$root/etc/passwd"
  printf 'root:x:0:\nnginx:x:101:\n' >"$root/etc/group"
  ln -s /dev/stdout "$root/var/log/nginx/access.log"; ln -s /dev/stderr "$root/var/log/nginx/error.log"
  printf 'user nginx;\nworker_processes 1;\npid /tmp/nginx.pid;\nevents {}\nhttp {\n  default_type text/html;\n  include /etc/nginx/conf.d/*.conf;\n}\n' >"$root/etc/nginx/nginx.conf"
  printf 'server {\n  listen 80;\n  root /usr/share/nginx/html;\n}\n' >"$root/etc/nginx/conf.d/default.conf"
  echo '<!DOCTYPE html><title>Welcome to nginx!</title><h1>Welcome to nginx!</h1>' >"$root/usr/share/nginx/html/index.html"
}

load() {
  local socket=$1 tar answer tag; tar=$(archive)
  # Without a version in its path a request is never too old nor too new. A failure is told in the body of an answer 200.
  answer=$(curl -sS --fail-with-body --unix-socket "$socket" -H 'Content-Type: application/x-tar' -H 'Expect:' -T "$tar" -X POST 'http://engine/images/load?quiet=1') ||
    die "the engine at $socket did not load the image: $answer"
  for tag in "${TAGS[@]}"; do
    curl -sf --unix-socket "$socket" "http://engine/images/$tag/json" >/dev/null || die "the engine at $socket has no $tag after loading: $answer"
  done
}

case ${1:-} in
  archive) archive ;;
  load) [ $# = 2 ] || usage "$0"; load "$2" ;;
  *) usage "$0" ;;
esac
