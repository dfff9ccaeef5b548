# A network, a mount and a process namespace in one: the engine and the cluster live in such a place. Source it; it runs nothing.
#
# Why: an engine, a kubelet and a kube-proxy rewrite iptables, forward packets and leave bridges, mounts and sockets behind. Here
# all of that lives in namespaces whose process 1 only sleeps; when it is killed the kernel ends all the rest, containers
# included. So a crashed test leaves one process to end, and `stop` has nothing to search for.
# What is not here: a way out. There is no route and no name server, so a pull of an image fails at once.
#
# DIR/init and DIR/holder remember two processes: process 1, and the one outside that holds it.

# What has the choice of proxy for the machine says nothing about a place without a way out.
WITHOUT_PROXY=(env -u http_proxy -u https_proxy -u HTTP_PROXY -u HTTPS_PROXY -u all_proxy -u ALL_PROXY)

# A process is named by its number and its start time: a number alone may belong to another one by now.
birth() { awk '{sub(/.*\) /, ""); print $20}' "/proc/$1/stat" 2>/dev/null || true; }
remember() { echo "$2 $(birth "$2")" >"$1"; }
alive() { # FILE: prints the number of the process that FILE remembers, if it still runs
  local number born
  read -r number born 2>/dev/null <"$1" || return 1
  [ -n "$born" ] && [ "$(birth "$number")" = "$born" ] && echo "$number"
}

# place DIR LENGTH_MAX: the one spelling of it, so that every command means the same place
place() {
  local dir; dir=$(realpath -m "$1")
  [ ${#dir} -le "$2" ] || die "$dir is longer than $2 characters, too long for sockets below it"
  case $dir/ in
    /run/* | /etc/* | /opt/* | /sys/* | /proc/* | /var/lib/* | /var/log/*) die "$dir is where the namespace has its own files; choose another place" ;;
  esac
  echo "$dir"
}

within() { local dir=$1; shift; nsenter -t "$(alive "$dir/init")" -n -m -p --wdns=/ -- "$@"; }

# enter DIR NAME=VALUE... -- CMD...: CMD in the namespace and in our folder, with these in its environment. It ends with its
# caller: --pdeathsig carries the end of nsenter over the namespace's border. With EXEC=exec it takes our place.
enter() {
  local dir=$1 variables=(); shift
  while [ "$1" != -- ]; do variables+=("$1"); shift; done; shift
  ${EXEC:-} "${WITHOUT_PROXY[@]}" "${variables[@]}" nsenter -t "$(alive "$dir/init")" -n -m -p --wdns="$PWD" -- setpriv --pdeathsig TERM -- "$@"
}

# open_namespace DIR TINI: TINI is the program that will be process 1
open_namespace() {
  local dir=$1 init
  # --pdeathsig, when we are to end with our caller (run); what start began stays.
  setsid ${END_WITH_US:+setpriv --pdeathsig KILL} unshare -n -m -p --fork --kill-child --mount-proc --propagation slave \
    "$2" -- sleep infinity </dev/null >/dev/null 2>&1 &
  remember "$dir/holder" $!; disown
  wait_for 5 pgrep -P $! || die "could not make a namespace: unshare -n -m -p must be allowed here"
  init=$(pgrep -P $!); remember "$dir/init" "$init"
  wait_for 5 within "$dir" test -d /proc/1/task || die "the new namespace has no /proc"
  within "$dir" bash -ec '
    ip link set lo up
    # The engine (and mount itself) keeps sockets, keys and plugins in these, a kubelet its links in the last two, whatever one
    # tells it; they are thrown away with the namespace. (-n: else mount would first leave a folder in the /run of the machine.)
    mount -n -t tmpfs tmpfs /run; mkdir /run/lock
    for d in etc opt var/lib var/log; do
      [ -d /$d ] || continue
      mkdir -p /run/over/$d/{up,work}; mount -t overlay -o "lowerdir=/$d,upperdir=/run/over/$d/up,workdir=/run/over/$d/work" overlay /$d
    done
    # A new /sys shows this network namespace; the cgroup mounts are carried over into it.
    mkdir "$1/cgroup"; mount --rbind /sys/fs/cgroup "$1/cgroup"
    umount -R /sys 2>/dev/null || umount -Rl /sys
    mount -t sysfs sysfs /sys; mount --rbind "$1/cgroup" /sys/fs/cgroup; umount -Rl "$1/cgroup"; rmdir "$1/cgroup"
    # No name server: a look-up fails at once instead of after seconds.
    rm -f /etc/resolv.conf; : >/etc/resolv.conf
    mount --make-rshared /' - "$dir" || die "could not prepare the namespace"
}

close_namespace() { # DIR
  local dir=$1 init holder
  if init=$(alive "$dir/init"); then kill -KILL "$init"; fi
  if holder=$(alive "$dir/holder"); then
    for _ in $(seq 600); do alive "$dir/holder" >/dev/null || break; sleep 0.1; done
    ! alive "$dir/holder" >/dev/null || die "process $holder does not end"
  fi
}

# Each place has a cgroup of its own, below which everything of it is. On cgroup v1 that is one folder in each hierarchy, on v2
# one in all.
cgroup() { echo "quarterdeck-$(printf %s "$1" | sha256sum | cut -c1-12)"; }
sweep_cgroup() { # DIR
  local group; group=$(cgroup "$1")
  for _ in $(seq 50); do # the kernel takes a moment to let go of the dead
    find /sys/fs/cgroup -mindepth 1 -maxdepth 2 -type d -name "$group" -exec find '{}' -depth -type d -delete ';' 2>/dev/null || true
    [ -n "$(find /sys/fs/cgroup -mindepth 1 -maxdepth 2 -type d -name "$group" -print -quit)" ] || break
    sleep 0.1
  done
}
