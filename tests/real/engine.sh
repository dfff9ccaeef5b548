#!/bin/bash
# A real Docker engine of the release that a test asks for, in a namespace of its own.
#
#   engine.sh fetch SUITE              unpack or build that engine once; prints its folder
#   engine.sh start SUITE DIR          bring it up; returns when it answers on DIR/docker.sock
#   engine.sh inside DIR CMD...        run CMD in the engine's namespace, where its published ports are
#   engine.sh swap SUITE DIR           another engine on the same socket and data; the same SUITE: a restart
#   engine.sh halt DIR                 the engine ends, its data stays; `swap` brings one back
#   engine.sh join SUITE DIR OTHER     start, but in the namespace of OTHER, where something else runs already
#   engine.sh stop DIR                 everything ends, the data is gone, the machine is as before
#   engine.sh run SUITE DIR -- CMD...  start, CMD inside, stop; the exit code is CMD's
#
# SUITE: bookworm (20.10.24, API 1.41) | trixie (26.1.5, API 1.45) | 29 (29.0, API 1.52, minimum 1.44).
# DOCKER_MIN_API_VERSION=1.44 in the environment of start or swap makes trixie refuse older clients as 29 does by itself.
#
# namespace.sh says why a namespace. The socket is a file, so it is reached from everywhere; a published port is on 127.0.0.1 of
# the namespace, so curl goes through `inside`. There is no way out: a pull of an image fails at once.
here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"
. "$here/namespace.sh"

# An engine must answer, or end, within this many seconds; it takes one to three on two busy cores.
ANSWERS_S=60 ENDS_S=30
# sun_path holds 107 characters, and the engine puts sockets of its own a little deeper than ours.
DIR_LENGTH_MAX=70

# 29 is in no suite of Debian. This is the last release before 29.0.0 that Go modules serve; later ones lower the minimum to 1.40.
VERSION_29=29.0.0-beta.1 MODULE_29=github.com/moby/moby/v2 TAG_29=v2.0.0-beta.1

folder() {
  case $1 in
    base | bookworm) echo "$CACHE/engine/bookworm-20.10.24" ;; # has runc and tini too, which all the others use
    trixie) echo "$CACHE/engine/trixie-26.1.5" ;;
    29) echo "$CACHE/engine/$VERSION_29" ;;
    *) die "there is no engine '$1': bookworm, trixie or 29" ;;
  esac
}

fetch() {
  local to; to=$(folder "$1")
  need_machine
  need iptables:iptables ip:iproute2 curl:curl pgrep:procps nsenter:util-linux '/usr/lib/*/libdevmapper.so.1.02.1:libdevmapper1.02.1' '/usr/share/keyrings/debian-archive-keyring.gpg:debian-archive-keyring'
  once "$(folder base)" fetch_suite bookworm docker.io containerd runc tini
  case $1 in
    trixie) once "$to" fetch_suite trixie docker.io docker-cli containerd ;;
    29) once "$(folder trixie)" fetch_suite trixie docker.io docker-cli containerd; once "$to" fetch_29 ;;
  esac
  echo "$to"
}

fetch_suite() {
  local suite=$1 to; to=$(folder "$suite"); shift
  say "engine of $suite: unpacking"
  rm -rf "$to.new"; unpack "$suite" "$to.new" "$@"
  # The folder's name is a promise that the mirror might not keep.
  "$to.new/usr/sbin/dockerd" --version | grep -qF "version ${to##*-}" || die "$suite has another engine now: $("$to.new/usr/sbin/dockerd" --version)"
  mv "$to.new" "$to"
}

fetch_29() { # the daemon and its proxy are built; containerd and the docker client are trixie's
  local to work; to=$(folder 29)
  command -v go >/dev/null || die "engine 29 is built with Go 1.24 or newer, and there is no go on PATH"
  work=$(mktemp -d); trap "rm -rf '$work' '$to.new'" EXIT
  rm -rf "$to.new"; cp -r "$(folder trixie)" "$to.new"; cd "$work"
  say "engine 29: building"
  export CGO_ENABLED=0 GOFLAGS=-mod=mod
  go mod init quarterdeck.test/engine 2>/dev/null
  go mod edit -go=1.24.0 -require="$MODULE_29@$TAG_29"
  # Its storage driver for btrfs is the only part that needs C.
  $NICE go build -p "$JOBS" -trimpath -tags exclude_graphdriver_btrfs -ldflags "-s -w -X $MODULE_29/dockerversion.Version=$VERSION_29" \
    -o "$to.new/usr/sbin/" "$MODULE_29/cmd/dockerd" "$MODULE_29/cmd/docker-proxy" 2>log || die "go build failed: $(tail -n 5 log)"
  cd /; mv "$to.new" "$to"
}

# --- the engine --------------------------------------------------------------------------------------------------------------

answers() { curl -sf --max-time 2 --unix-socket "$1/docker.sock" http://engine/_ping >/dev/null; }
launch() {
  local suite=$1 dir=$2 bin; bin=$(folder "$suite")
  echo "$suite" >"$dir/suite"; echo '{}' >"$dir/daemon.json"
  # cgroupfs, because there is no systemd to ask inside.
  setsid "${WITHOUT_PROXY[@]}" \
    PATH="$bin/usr/sbin:$bin/usr/bin:$(folder base)/usr/sbin:$(folder base)/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    nsenter -t "$(alive "$dir/init")" -n -m -p --wdns=/ -- dockerd --config-file "$dir/daemon.json" --host "unix://$dir/docker.sock" \
    --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/dockerd.pid" --exec-opt native.cgroupdriver=cgroupfs \
    --cgroup-parent "/$(cgroup "$dir")" </dev/null >>"$dir/dockerd.log" 2>&1 &
  local engine=$!; disown # its end is no news to our caller's terminal
  for _ in $(seq $((ANSWERS_S * 10))); do
    answers "$dir" && { say "engine $suite answers"; return 0; }
    kill -0 "$engine" 2>/dev/null || break
    sleep 0.1
  done
  say "engine $suite does not answer; its last words:"
  tail -n 15 "$dir/dockerd.log" >&2
  exit 1
}

start() { # SUITE DIR [OTHER]
  local suite=$1 dir; dir=$(place "$2" $DIR_LENGTH_MAX)
  fetch "$suite" >/dev/null
  ! alive "$dir/init" >/dev/null || die "an engine runs in $dir already"
  sweep "$dir"; mkdir -p "$dir"
  trap "$(printf 'stop %q' "$dir")" EXIT # half a start is none
  if [ $# = 3 ]; then cp "$3/init" "$dir/init"; else open_namespace "$dir" "$(folder base)/usr/bin/tini-static"; fi
  launch "$suite" "$dir"
  trap - EXIT
}

halt() {
  local dir; dir=$(place "$1" $DIR_LENGTH_MAX); alive "$dir/init" >/dev/null || die "no engine runs in $dir"
  local stopped='! kill -0 "$(cat "$1" 2>/dev/null)"'
  within "$dir" bash -c '[ ! -s "$1" ] || kill "$(cat "$1")"' - "$dir/dockerd.pid" 2>/dev/null || true
  wait_for $ENDS_S within "$dir" bash -c "$stopped" - "$dir/dockerd.pid" || die "the engine in $dir does not end; see $dir/dockerd.log"
  # What the engine removes by itself in peace, it does not after a SIGKILL.
  rm -f "$dir/docker.sock" "$dir/dockerd.pid"
}

swap() {
  local suite=$1 dir; dir=$(place "$2" $DIR_LENGTH_MAX)
  fetch "$suite" >/dev/null # before the other one ends, so that the gap is short
  halt "$dir"; launch "$suite" "$dir"
}

inside() {
  local dir suite bin; dir=$(place "$1" $DIR_LENGTH_MAX); shift
  alive "$dir/init" >/dev/null || die "no engine runs in $dir"
  suite=$(cat "$dir/suite"); bin=$(folder "$suite")/usr/bin
  enter "$dir" PATH="$bin:$PATH" DOCKER_HOST="unix://$dir/docker.sock" -- "$@"
}

stop() {
  local dir; dir=$(place "$1" $DIR_LENGTH_MAX)
  # One that joined ends alone; the namespace is another's.
  if [ -e "$dir/holder" ]; then close_namespace "$dir"; elif alive "$dir/init" >/dev/null; then halt "$dir"; fi
  sweep "$dir"
}

# sweep DIR: what an engine left in files and cgroups. Only what we made goes; DIR itself goes if nothing else is in it.
sweep() {
  local dir=$1
  [ -d "$dir" ] || return 0
  sweep_cgroup "$dir"
  rm -rf "$dir"/{data,exec,cgroup,docker.sock,dockerd.pid,dockerd.log,daemon.json,suite,init,holder}
  rmdir "$dir" 2>/dev/null || true
}

run() {
  local suite=$1 dir=$2 rc=0; shift 2; [ "$1" != -- ] || shift
  trap 'exit 130' INT; trap 'exit 143' TERM HUP
  END_WITH_US=yes start "$suite" "$dir"
  trap "$(printf 'stop %q' "$dir")" EXIT
  # In the background, because bash would hear a signal only after the command's end.
  inside "$dir" "$@" <&0 & wait $! || rc=$?
  exit $rc
}

want() { [ "$1" -ge "$2" ] || usage "$0"; }
command=${1:-}; [ $# = 0 ] || shift
case $command in
  fetch) want $# 1; fetch "$1" ;;
  start | swap) want $# 2; "$command" "$1" "$2" ;;
  join) want $# 3; alive "$3/init" >/dev/null || die "nothing runs in $3"; start "$@" ;;
  halt | stop) want $# 1; "$command" "$1" ;;
  inside) want $# 2; EXEC=exec inside "$@" ;;
  run) want $# 3; run "$@" ;;
  *) usage "$0" ;;
esac
