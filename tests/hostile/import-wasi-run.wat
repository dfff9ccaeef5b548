;; expect: refused: imports wasi:cli/run@0.2.0, which no profile gives
;; Asks for a program to run.
(component
  (import "wasi:cli/run@0.2.0" (instance))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
