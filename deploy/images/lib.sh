# What the images' `collect` share: how a root folder is laid out. Source it; it runs nothing.
#
# The same inputs give the same folder, whoever makes it and whenever: each thing has its mode from here and not from the umask.
# Owners and times are the packer's; `tests/real/kubernetes.sh pack` sets those too, and so gives the same digest.
set -euo pipefail
umask 022
die() { echo "error: $*" >&2; exit 1; }

ROOTS=/etc/ssl/certs/ca-certificates.crt

# new_root FOLDER: refuses what is there already, since a file of an older build would stay in the image.
new_root() { [ ! -e "$1" ] || die "$1 is there already: remove it, or name another folder"; }

# program FILE FOLDER NAME: a program as /usr/local/bin/NAME, the shared libraries that it is linked against and their loader, as
# they are on this machine (which so needs glibc, and the node's processor).
program() {
  local file=$1 folder=$2 name=$3 linked library
  [ -f "$file" ] && [ -x "$file" ] || die "there is no program $file: build it first, as the Dockerfile says"
  install -D -m 0755 "$file" "$folder/usr/local/bin/$name"
  # Each line of ldd names a file by its whole path, but for the kernel's own library, which is none. Each goes where it was.
  # What is linked against nothing, it complains of.
  linked=$(LC_ALL=C ldd "$file" 2>&1) || grep -q 'not a dynamic executable' <<<"$linked" || die "$file is not linked as was expected: $linked"
  case $linked in *'not a dynamic executable'* | *'statically linked'*) return 0 ;; esac
  ! grep -q 'not found' <<<"$linked" || die "a library of $file is not on this machine: ldd $file"
  grep -o '/[^ ]*' <<<"$linked" | while read -r library; do
    install -D -m 0755 "$library" "$folder$library"
  done
}

# text FOLDER PATH LINES: a small file
text() { install -D -m 0644 /dev/stdin "$1$2" <<<"$3"; }

# common FOLDER USER NUMBER HOME: the roots of TLS, a user, and where names are looked up
common() {
  local folder=$1 user=$2 number=$3 home=$4
  [ -e "$ROOTS" ] || die "there are no roots of TLS in $ROOTS: install ca-certificates"
  install -D -m 0644 "$ROOTS" "$folder$ROOTS"
  text "$folder" /etc/passwd "$user:x:$number:$number::$home:/"
  text "$folder" /etc/group "$user:x:$number:"
  # Names are looked up in the pod's own file first, as everywhere.
  text "$folder" /etc/nsswitch.conf 'hosts: files dns'
}
