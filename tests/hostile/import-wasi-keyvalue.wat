;; expect: refused: imports wasi:keyvalue/store@0.2.0-draft, which no profile gives
;; Asks for a store that outlives its decision.
(component
  (import "wasi:keyvalue/store@0.2.0-draft" (instance))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
