# What the real parts share: where things are cached, and how packages are fetched. Source it; it runs nothing.
#
# No host name of a mirror, proxy or registry of packages is here: apt and Go use whatever the machine has configured.
set -euo pipefail
export LC_ALL=C

# Everything fetched or built lies here, each thing under its version; removing the folder costs only time.
CACHE=${QUARTERDECK_CACHE:-$HOME/.cache/quarterdeck}
mkdir -p "$CACHE"
CACHE=$(cd "$CACHE" && pwd -P)

# Builds leave the processor to whoever waits at a terminal. Two jobs, because a third gains nothing on two cores.
NICE="nice -n ${QUARTERDECK_NICE:-10}" JOBS=${QUARTERDECK_JOBS:-2}

started_ns=$(date +%s%N)
say() {
  local ms=$((($(date +%s%N) - started_ns) / 1000000))
  printf '[%4d.%ds] %s\n' $((ms / 1000)) $((ms % 1000 / 100)) "$*" >&2
}
die() { say "$*"; exit 1; }

# usage FILE: the comment at the top of a script is its help; it ends at the first line that is not a comment
usage() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$1" >&2; exit 2; }

# wait_for SECONDS CMD...: poll until CMD succeeds, fail when the time is up
wait_for() {
  local n=$1; shift
  for _ in $(seq $((n * 10))); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done
  return 1
}

# What we unpack and build is for this one kind of machine; said at once instead of found out later.
need_machine() {
  [ "$(id -u)" = 0 ] || die "the real parts need root (namespaces, packages)"
  command -v apt-get >/dev/null && [ "$(dpkg --print-architecture)" = amd64 ] || die "the real parts need Debian on amd64"
}

# once FILE CMD...: run CMD unless FILE is there; two callers at once do the work once
once() {
  local file=$1; shift
  [ -e "$file" ] && return 0
  mkdir -p "$CACHE/locks"
  (
    flock 9
    [ -e "$file" ] || "$@"
    [ -e "$file" ] || die "$* did not make $file"
  ) 9>"$CACHE/locks/$(printf %s "$file" | sha256sum | cut -c1-16)"
}

# need COMMAND:PACKAGE...: install the packages whose command (or file, if it has a slash) is missing. None of them brings
# a daemon; a package that does is unpacked into the cache instead, and never installed on the machine.
need() {
  local pair missing=()
  for pair; do
    case ${pair%%:*} in
      */*) compgen -G "${pair%%:*}" >/dev/null || missing+=("${pair#*:}") ;;
      *) PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}") ;;
    esac
  done
  [ ${#missing[@]} = 0 ] && return 0
  say "installing ${missing[*]}"
  (
    flock 9
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
  ) 9>"$CACHE/apt.lock" >"$CACHE/apt.log" 2>&1 || die "apt-get failed: $(tail -n 3 "$CACHE/apt.log")"
}

# mirror: where this machine gets Debian's main archive from, as apt names it
mirror() { apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 'Created-By: Packages' | awk '$2 == "Debian" && $3 == "Debian" && !seen {print $1; seen = 1}'; }

# unpack SUITE DIR PACKAGE...: packages of a Debian suite, unpacked into DIR; the machine's own packages and lists stay as
# they are. They come from the mirror that this machine already uses for Debian's main archive.
unpack() {
  local suite=$1 dir=$2 apt uri deb; shift 2
  apt=$(mktemp -d)
  mkdir -p "$apt"/{lists/partial,archives/partial,debs,parts} "$dir"
  : >"$apt/status"
  uri=$(mirror)
  [ -n "$uri" ] || { apt-get update -q >/dev/null; uri=$(mirror); } # a machine whose lists were never fetched
  [ -n "$uri" ] || die "apt knows no mirror of Debian's main archive"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main" >"$apt/sources.list"
  # Valid-Until is not checked: a mirror may serve an older snapshot of a suite that still moves. The signature is.
  private_apt() {
    apt-get -q -o Dir::State::Lists="$apt/lists" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt" \
      -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts="$apt/parts" -o Dir::Etc::PreferencesParts="$apt/parts" \
      -o Acquire::Languages=none -o Acquire::Check-Valid-Until=false -o APT::Sandbox::User=root "$@"
  }
  (cd "$apt/debs" && private_apt update && private_apt download "$@") >"$apt/log" 2>&1 || die "apt-get of $suite failed: $(tail -n 3 "$apt/log")"
  for deb in "$apt"/debs/*.deb; do dpkg-deb -x "$deb" "$dir"; done
  rm -rf "$apt"
}

# busybox PROGRAM ROOT: a shell and its tools for an image
busybox() {
  local program=$1 root=$2 applet
  mkdir -p "$root"/{bin,tmp}; chmod 1777 "$root/tmp"
  cp "$program" "$root/bin/"
  for applet in $("$program" --list); do [ "$applet" = busybox ] || ln -sf busybox "$root/bin/$applet"; done
}

# full_name NAME: what a node looks for when a pod says NAME, since a short name of an image has a host that is not said
full_name() {
  case $1 in
    *.*/* | *:*/* | localhost/*) echo "$1" ;;
    */*) echo "docker.io/$1" ;;
    *) echo "docker.io/library/$1" ;;
  esac
}

# pack ROOT ARCHIVE CONFIG TAG...: the archive that `docker save` would write, made by hand: no engine is needed to make an
# image. CONFIG is what the image says about how it is run, as JSON. The bytes are the same whoever makes it. As `docker save` of
# today's engines does, it names its parts twice: in manifest.json for engines, and in index.json for whoever wants a digest.
pack() {
  local root=$1 archive=$2 config=$3 work blobs layer image manifest tag tags named=''; shift 3
  work=$(mktemp -d); tags=$(printf '"%s",' "$@"); blobs=$work/blobs/sha256
  mkdir -p "$blobs"
  # keep: the part lies under its digest; described DIGEST TYPE: how another part names it
  keep() { local to; to=$(sha256sum "$work/part" | cut -d' ' -f1); mv "$work/part" "$blobs/$to"; echo "$to"; }
  described() { printf '"mediaType":"application/vnd.oci.image.%s","digest":"sha256:%s","size":%d' "$2" "$1" "$(stat -c %s "$blobs/$1")"; }
  tar -C "$root" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$work/part" .
  layer=$(keep)
  printf '{"architecture":"amd64","os":"linux","created":"1970-01-01T00:00:00Z","config":%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$config" "$layer" >"$work/part"
  image=$(keep)
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{%s},"layers":[{%s}]}' \
    "$(described "$image" config.v1+json)" "$(described "$layer" layer.v1.tar)" >"$work/part"
  manifest=$(keep)
  for tag; do named+="{$(described "$manifest" manifest.v1+json),\"annotations\":{\"io.containerd.image.name\":\"$(full_name "$tag")\"}},"; done
  printf '{"schemaVersion":2,"manifests":[%s]}' "${named%,}" >"$work/index.json"
  printf '{"imageLayoutVersion":"1.0.0"}' >"$work/oci-layout"
  printf '[{"Config":"blobs/sha256/%s","RepoTags":[%s],"Layers":["blobs/sha256/%s"]}]' "$image" "${tags%,}" "$layer" >"$work/manifest.json"
  mkdir -p "$(dirname "$archive")"
  tar -C "$work" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX -cf "$archive.new" oci-layout index.json manifest.json blobs
  mv "$archive.new" "$archive"; rm -rf "$work"
}

# digest ARCHIVE: of what `pack` made, as a pod names it behind the image's name and an @
digest() {
  tar -xOf "$1" index.json 2>/dev/null | grep -o -m 1 'sha256:[0-9a-f]\{64\}' | head -n 1 || die "$1 says no digest of its image: make it with kubernetes.sh pack"
}
