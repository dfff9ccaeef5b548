;; expect: refused: imports wasi:clock/wall-clock@0.2.0, which no profile gives
;; An interface that is called almost as WASI's is.
(component
  (import "wasi:clock/wall-clock@0.2.0" (instance))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
