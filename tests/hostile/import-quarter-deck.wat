;; expect: refused: imports quarter-deck:policy/logging@0.1.0, which no profile gives
;; Our package under a name with a hyphen.
(component
  (import "quarter-deck:policy/logging@0.1.0" (instance))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
