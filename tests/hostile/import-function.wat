;; expect: refused: imports log, which no profile gives
;; Asks for a function by itself.
(component
  (import "log" (func (param "message" string)))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
