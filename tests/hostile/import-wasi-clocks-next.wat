;; expect: refused: imports wasi:clocks/wall-clock@0.3.0; this host gives wasi:clocks/wall-clock@0.2
;; WASI of the next version, with its async calls.
(component
  (import "wasi:clocks/wall-clock@0.3.0" (instance))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
