;; expect: refused: imports wasi:sockets/ip-name-lookup@0.2.0, which no profile gives
;; Asks for names to be looked up: a question is a message too.
(component
  (import "wasi:sockets/ip-name-lookup@0.2.0" (instance))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
