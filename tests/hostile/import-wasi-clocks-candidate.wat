;; expect: refused: this host gives wasi:clocks/wall-clock@0.2
;; WASI before it was done.
(component
  (import "wasi:clocks/wall-clock@0.2.0-rc-2023-11-10" (instance))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
