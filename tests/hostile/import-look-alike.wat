;; expect: refused: imports quаrterdeck:policy/logging@0.1.0, which no profile gives
;; Our package with a Cyrillic letter in its name.
(component
  (import "quаrterdeck:policy/logging@0.1.0" (instance))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
