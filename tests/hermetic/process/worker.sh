# A stand-in for a worker: MODE terraform OPERATION --folder DIR. It keeps the promises of a worker about its folder
# (the lock on `alive`, the mark of its claim, the result last) and behaves as MODE says.
mode=$1 folder=$5
[ "$2 $4" = "terraform --folder" ] && cd "$folder" || exit 2
[ "$mode" = refused ] && { echo "the claim was refused"; exit 3; }
set -m # what it starts has a process group of its own, as Terraform has, and hears interrupts
exec 9>>alive
flock 9
env >environment
printf 'process %s started %s' "$$" "$(cut -d' ' -f22 /proc/$$/stat)" >claimed.part && mv claimed.part claimed
say() { printf '{"at":1,"kind":"other","text":"%s"}\n' "$1" >>events.jsonl; }
finish() {
  cp ../../out-* . 2>/dev/null
  cp ../../result.json result.part && mv result.part result.json
}
leave() { # the states that the test prepared
  mkdir -p states terraform
  cp ../../0* states/ 2>/dev/null
  cp ../../errored.tfstate terraform/ 2>/dev/null
}
case $mode in
ends) leave; finish ;;
waits)
  trap 'kill $!; finish; exit 0' TERM
  sleep 1000 &
  say waiting
  wait
  ;;
deaf)
  trap '' TERM INT
  sleep 1000 &
  say deaf
  wait
  ;;
dies) leave; echo "out of memory"; kill -9 $$ ;;
bereaves)
  trap 'kill -9 $$' TERM
  leave
  sleep 1000 &
  say applying
  wait
  ;;
orphans)
  leave
  sleep 1000 &
  say applying
  kill -9 $$
  ;;
esac
