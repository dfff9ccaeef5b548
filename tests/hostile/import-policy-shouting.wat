;; expect: refused: imports quarterdeck:policy/LOGGING@0.1.0, which no profile gives
;; Our interface, shouted.
(component
  (import "quarterdeck:policy/LOGGING@0.1.0" (instance))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
