;; expect: refused: imports wasi:sockets/udp@0.2.0, which no profile gives
;; Hides the network among what a profile gives.
(component
  (import "wasi:clocks/wall-clock@0.2.0" (instance))
  (import "wasi:random/random@0.2.0" (instance))
  (import "wasi:sockets/udp@0.2.0" (instance))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
