;; expect: refused: imports plugin, which no profile gives
;; Asks the host for code.
(component
  (import "plugin" (core module))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
