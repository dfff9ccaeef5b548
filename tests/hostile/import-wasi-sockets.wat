;; expect: refused: imports wasi:sockets/tcp@0.2.0, which no profile gives
;; Asks for the network.
(component
  (import "wasi:sockets/tcp@0.2.0" (instance (export "tcp-socket" (type (sub resource)))))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
