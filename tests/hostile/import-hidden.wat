;; expect: refused: imports quarterdeck:policy/logging\u{200b}@0.1.0, which no profile gives
;; Our interface with a character in its name that nobody sees.
(component
  (import "quarterdeck:policy/logging​@0.1.0" (instance))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
