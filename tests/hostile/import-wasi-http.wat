;; expect: refused: imports wasi:http/outgoing-handler@0.2.0, which no profile gives
;; Asks for the web.
(component
  (import "wasi:http/outgoing-handler@0.2.0" (instance))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
